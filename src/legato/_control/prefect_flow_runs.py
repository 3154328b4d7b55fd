"""States that clients propose for flow runs, from outside of their process: by Prefect's rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from legato._control import answers
from legato._control.flow_runs import each_of, read, stamped
from legato._control.proposals import mirror
from legato._engine import prefect_rules as rules
from legato._engine.rules import Abort, Accept, Reject, Verdict
from legato._model.errors import Error, ObjectNotFound
from legato._model.flow_runs import FlowRunUpdate
from legato._model.operations.flow_runs import (
    BulkSetFlowRunState,
    OrchestrationResult,
    ReadFlowRun,
    SetFlowRunState,
    StateResults,
)
from legato._model.results import is_stored
from legato._model.states import TERMINAL, State, StateDetails, StateType
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import ENDED, FlowWork
from legato._store.port import Transaction
from legato._store.queries import changes
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)


Asked = tuple[datetime, SetFlowRunState]


class _Decided(NamedTuple):
    """What became of a proposal; `entered` is the state that the run is in by that."""

    run: rules.RunView
    verdict: Verdict
    entered: State | None
    above: UUID | None
    """The task run that the run hangs below."""


def set_state(tx: Transaction, now: datetime, request: SetFlowRunState) -> OrchestrationResult:
    """Propose a state for a flow run; `force` asks only the rules that keep runs from hanging."""
    (outcome,) = set_states(tx, [(now, request)])
    if isinstance(outcome, Error):
        raise outcome
    return outcome


def set_states(tx: Transaction, asked: Sequence[Asked]) -> list[OrchestrationResult | Error]:
    """Propose a state for each of several runs; return the answers or refusals."""
    history, now = History(tx, keeps_data=True), max(when for when, _ in asked)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, _NOBODY)
    runs.load(request.flow_run_id for _, request in asked)
    parents = [work.parent_task_run_id for work in runs.works.values()]
    tasks.load(parent for parent in parents if parent is not None)
    decided = [_decided(runs, tasks, *each) for each in asked]
    runs.flush()
    tasks.flush()
    history.flush(tx)
    return [_told(tx, each, found) for each, found in zip(asked, decided, strict=True)]


def _decided(
    runs: FlowRuns, tasks: TaskRuns, now: datetime, request: SetFlowRunState
) -> _Decided | Error:
    work = runs.works.get(request.flow_run_id.int)
    if work is None:
        return ObjectNotFound(f"Flow run with id {request.flow_run_id} not found")
    try:
        asked = stamped(request.state, now)
    except Error as refusal:
        return refusal
    run = _view(work)
    verdict = _storable(run, rules.decide(run, asked, now, force=request.force))
    entered = verdict.state if isinstance(verdict, Accept | Reject) else None
    if entered is not None:
        runs.force(work, entered, goes_on=rules.goes_on(run, entered))
        if entered.type in TERMINAL:
            runs.close(work, ENDED)
        mirror(tasks, work, entered)
    return _Decided(run, verdict, entered, work.parent_task_run_id)


def _told(tx: Transaction, asked: Asked, found: _Decided | Error) -> OrchestrationResult | Error:
    if isinstance(found, Error):
        return found
    now, request = asked
    if found.entered is not None:
        _remember(tx, now, request.flow_run_id, found.run, found.entered)
    current = found.entered or read(tx, now, ReadFlowRun(flow_run_id=request.flow_run_id)).state
    return answers.of(
        found.verdict, current, flow_run_id=request.flow_run_id, task_run_id=found.above
    )


def bulk_set_state(tx: Transaction, now: datetime, request: BulkSetFlowRunState) -> StateResults:
    """Propose a state for the first runs that a filter finds."""
    return each_of(tx, now, request, set_state)


def _view(work: FlowWork) -> rules.RunView:
    """Return what the rules look at."""
    state = work.state()
    details = None if state is None else state.state_details
    return rules.RunView(
        type=work.type,
        name=None if state is None else state.name,
        details=details or StateDetails(),
        run_count=work.progress.run_count,
        has_result=state is not None and is_stored(state.data),
        policy=work.policy,
        has_deployment=work.deployment_id is not None,
        has_infrastructure=work.infrastructure_pid is not None,
        is_subflow=work.parent_task_run_id is not None,
    )


def _storable(run: rules.RunView, verdict: Verdict) -> Verdict:
    """Refuse what no history can hold: a finished run that is being cancelled."""
    state = verdict.state if isinstance(verdict, Accept | Reject) else None
    if run.type in TERMINAL and state is not None and state.type is StateType.CANCELLING:
        assert run.type is not None  # noqa: S101 - it is a terminal one
        return Abort(f"Run is already in terminal state {run.type.value}.")
    return verdict


def _remember(
    tx: Transaction, now: datetime, run_id: UUID, run: rules.RunView, entered: State
) -> None:
    policy = rules.policy_after(run, entered)
    if policy != run.policy:
        changes.update_flow_run(tx, now, run_id, FlowRunUpdate(empirical_policy=policy))
