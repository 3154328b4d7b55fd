"""The proposals of a batch: found again, or decided by the rules."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from legato._engine import rules
from legato._model.flow_runs import FlowRunPolicy
from legato._model.records import (
    Aborted,
    Accepted,
    Answer,
    FlowRunMoveProposed,
    FlowRunProposed,
    Rejected,
    Wait,
)
from legato._model.states import TERMINAL, State, StateDetails
from legato._store import finding
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import ENDED, FlowWork
from legato._store.port import DEFAULT_WORKSPACE
from legato._store.standing import when
from legato._store.task_runs import TaskRuns

if TYPE_CHECKING:
    from legato._control.intake import Intake

_MIRROR = 0x2C2C_51A6_93E1_0F7B
"""Turns the id of a flow run's state into that of its image on the parent's task run."""


def create(intake: Intake, record: FlowRunProposed) -> Answer:
    """Create a flow run, its flow if it is new, its first attempt and its parent's task run."""
    run, state = record.run, record.run.state
    if run.id is None or state is None:
        return Aborted("A proposed flow run has an id and a first state.")
    known = intake.flows.works.get(run.id.int)
    if known is not None:
        return _again(intake, known, state) or Aborted(f"The flow run {run.id} exists.")
    verdict = rules.decide(_view_of_new(run.empirical_policy), state, intake.now)
    if not isinstance(verdict, rules.Accept):
        return _refusal(verdict)
    if record.parent is not None and not intake.counts(
        record.parent.flow_run_id, record.parent_epoch
    ):
        return Aborted(f"The attempt {record.parent_epoch} of the parent is closed.")
    flow_id = intake.flow_id(record)
    if run.idempotency_key is not None and (other := _by_key(intake, flow_id, record)):
        return Rejected(None, f"The flow run {other} was created with the same idempotency key.")
    _place(intake, record)
    work = intake.flows.create(run, run.id, flow_id, state)
    if record.parent is not None:
        intake.tasks.create(record.parent, record.parent_epoch, child=run.id)
    intake.flows.begin(work, intake.writer, record.code_version, record.code_files)
    intake.note(record.environment)
    return Accepted(state, 1, flow_id)


def _place(intake: Intake, record: FlowRunProposed) -> None:
    """Fill in where a subflow's run hangs in the tree."""
    run, parent = record.run, record.parent
    if parent is None:
        return
    run.parent_task_run_id = parent.id
    if run.root_flow_run_id is None and parent.flow_run_id is not None:
        above = intake.flows.works[parent.flow_run_id.int]
        run.root_flow_run_id = above.root_flow_run_id or above.id


def _by_key(intake: Intake, flow_id: UUID, record: FlowRunProposed) -> UUID | None:
    params = {
        "ws": DEFAULT_WORKSPACE,
        "flow_id": flow_id,
        "idempotency_key": record.run.idempotency_key,
    }
    return finding.find_flow_run_by_key(intake.tx, params)


def move(intake: Intake, record: FlowRunMoveProposed, *, repeated: bool) -> Answer:
    """Decide on a transition of a flow run and carry it out; a repeated one is found again."""
    work = intake.flows.works.get(record.flow_run_id.int)
    if work is None:
        return Aborted(f"There is no flow run {record.flow_run_id}.")
    if repeated and (again := _again(intake, work, record.state)) is not None:
        return again
    held = work.closed_at is None and work.holder == intake.writer.id
    if not work.covers(record.epoch) or not (held or _ended_here(intake, work)):
        if not repeated:  # else the history has it
            intake.flows.late(work, record.state, record.epoch, record.result_id)
        intake.fence(work.id, f"Attempt {record.epoch} is closed.")
        return Aborted(f"Attempt {record.epoch} is closed.")
    verdict = rules.decide(view(work), record.state, intake.now)
    if isinstance(verdict, rules.Accept):
        enter(intake.flows, intake.tasks, work, verdict.state, record.result_id)
        return Accepted(verdict.state, work.version, work.flow_id)
    if isinstance(verdict, rules.Reject) and verdict.state is not None:
        enter(intake.flows, intake.tasks, work, verdict.state, None)
    return _refusal(verdict)


def enter(
    runs: FlowRuns, tasks: TaskRuns, work: FlowWork, state: State, result_id: UUID | None
) -> None:
    """Move a run, and with it the task run that stands for it in its parent."""
    runs.move(work, state, result_id)
    if state.type in TERMINAL:
        runs.close(work, ENDED)
    mirror(tasks, work, state, result_id)


def mirror(tasks: TaskRuns, work: FlowWork, state: State, result_id: UUID | None = None) -> None:
    """Show a state of a subflow's run on its parent's task run, if that is loaded and lives."""
    parent = work.parent_task_run_id
    task = tasks.works.get(parent.int) if parent is not None else None
    if task is None or not task.is_live:
        return
    details = StateDetails(child_flow_run_id=work.id)
    if state.state_details is not None:
        details.scheduled_time = state.state_details.scheduled_time
    image = State(
        id=UUID(int=state.id.int ^ _MIRROR),
        type=state.type,
        name=state.name,
        timestamp=state.timestamp,
        message=state.message,
        state_details=details,
        data=state.data,
    )
    tasks.follow(task, image, result_id)


def _again(intake: Intake, work: FlowWork, state: State) -> Accepted | None:
    """Find the outcome of a proposal that was made before."""
    if work.state_id == state.id and work.type is state.type:
        return Accepted(state, work.version, work.flow_id)
    if work.created is not None:
        return None
    found = finding.find_flow_run_state(intake.tx, state.id)
    if found is None or found[2] != work.id:
        return None
    return Accepted(found[0], found[1], work.flow_id)


def _ended_here(intake: Intake, work: FlowWork) -> bool:
    return work.cause == ENDED and work.holder == intake.writer.id


def _refusal(verdict: rules.Verdict) -> Answer:
    if isinstance(verdict, rules.Wait):
        return Wait(verdict.seconds, verdict.reason)
    if isinstance(verdict, rules.Reject):
        return Rejected(verdict.state, verdict.reason)
    if isinstance(verdict, rules.Abort):
        return Aborted(verdict.reason)
    raise AssertionError("an accepted proposal is no refusal")


def _view_of_new(policy: FlowRunPolicy) -> rules.RunView:
    return rules.RunView(state_type=None, policy=policy)


def view(work: FlowWork) -> rules.RunView:
    """Return what the rules look at."""
    due: datetime | None = when(work.scheduled_at)
    return rules.RunView(
        state_type=work.type,
        state_name=work.entered[2],
        run_count=work.progress.run_count,
        scheduled_time=due,
        policy=work.policy,
        has_deployment=work.deployment_id is not None,
    )
