"""States that clients propose for task runs, from outside of their process: by Prefect's rules."""

from __future__ import annotations

from datetime import datetime
from random import random
from typing import Any
from uuid import UUID

from legato._control import answers
from legato._control.flow_runs import stamped
from legato._control.task_runs import of_id
from legato._engine import prefect_task_rules as rules
from legato._engine.prefect_rules import Standing
from legato._engine.rules import Abort, Accept, Reject, Verdict
from legato._model import transitions
from legato._model.errors import ObjectNotFound
from legato._model.flow_runs import FlowRun
from legato._model.operations.flow_runs import OrchestrationResult
from legato._model.operations.task_runs import SetTaskRunState
from legato._model.results import is_stored
from legato._model.retries import RetryPolicy
from legato._model.states import StateDetails, StateType
from legato._model.task_runs import TaskRun, TaskRunPolicy
from legato._store import finding
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns, TaskWork

_NOBODY = UUID(int=0)


def set_state(tx: Transaction, now: datetime, request: SetTaskRunState) -> OrchestrationResult:
    """Propose a state for a task run; `force` asks no rule."""
    history = History(tx, keeps_data=True)
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.load([request.task_run_id])
    work = tasks.works.get(request.task_run_id.int)
    if work is None:
        raise ObjectNotFound(f"Task run with id {request.task_run_id} not found")
    run, asked = _view(tx, work), stamped(request.state, now)
    verdict = _storable(work, rules.decide(run, asked, now, force=request.force))
    entered = verdict.state if isinstance(verdict, Accept | Reject) else None
    if entered is not None:
        afresh = not request.force and rules.begins_anew(run, entered)
        tasks.force(work, entered, afresh=afresh)
    tasks.flush()
    history.flush(tx)
    begins = entered is not None and entered.type is StateType.RUNNING
    if begins and run.flow is not None and not request.force:
        count = {"task_run_id": request.task_run_id, "count": run.flow.run_count}
        tx.run("task_run.follow_flow_run", count)
    state = entered or of_id(tx, now, work.id).state
    return answers.of(verdict, state, flow_run_id=work.flow_run_id, task_run_id=work.id)


def _view(tx: Transaction, work: TaskWork) -> rules.TaskView:
    """Return what the rules look at."""
    found = finding.find_task_run(tx, work.id)
    assert found is not None  # noqa: S101 - it is locked
    return rules.TaskView(
        **_standing(found),
        policy=_policy(found.empirical_policy),
        flow_run_run_count=found.flow_run_run_count,
        flow=_flow(tx, work.flow_run_id),
        draw=random(),  # noqa: S311 - no secret
    )


def _flow(tx: Transaction, flow_run_id: UUID | None) -> Standing | None:
    found = None if flow_run_id is None else finding.find_flow_run(tx, flow_run_id)
    return None if found is None else Standing(**_standing(found))


def _policy(given: TaskRunPolicy) -> RetryPolicy:
    """Return how often a run is tried."""
    delay = given.retry_delay or 0
    return RetryPolicy(
        retries=given.retries or 0,
        delays=tuple(delay) if isinstance(delay, list) else (delay,),
        jitter_factor=given.retry_jitter_factor,
    )


def _storable(work: TaskWork, verdict: Verdict) -> Verdict:
    """Refuse what no history can hold, or what only the run's own process may do."""
    state = verdict.state if isinstance(verdict, Accept | Reject) else None
    if state is None or transitions.is_legal(transitions.TASK_RUN, work.type, state.type):
        return verdict
    if work.epoch or state.type is StateType.CANCELLING:
        standing = "no state" if work.type is None else work.type.value
        return Abort(f"A run in state {standing} cannot enter {state.type.value}.")
    return verdict


def _standing(found: FlowRun | TaskRun) -> dict[str, Any]:
    """Return where a run stands, as the fields of `Standing`."""
    state = found.state
    details = None if state is None else state.state_details
    return {
        "type": found.state_type,
        "name": found.state_name,
        "details": details or StateDetails(),
        "run_count": found.run_count,
        "has_result": state is not None and is_stored(state.data),
    }
