"""States that Prefect's clients propose for flow runs: their own rule table, on our rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from legato._control import answers
from legato._control.flow_runs import each_of, read
from legato._control.prefect_states import proposed, standing
from legato._control.proposals import mirror
from legato._engine import prefect_rules as rules
from legato._engine.rules import Abort, Accept, Reject, Verdict
from legato._model.errors import ObjectNotFound
from legato._model.flow_runs import FlowRunUpdate
from legato._model.operations.flow_runs import (
    BulkSetFlowRunState,
    OrchestrationResult,
    ReadFlowRun,
    SetFlowRunState,
    StateResults,
)
from legato._model.states import TERMINAL, State, StateType
from legato._store import finding
from legato._store.flow_runs import ENDED, FlowRuns, FlowWork
from legato._store.port import Transaction
from legato._store.queries import changes
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)


def set_state(tx: Transaction, now: datetime, request: SetFlowRunState) -> OrchestrationResult:
    """Propose a state for a flow run; `force` asks only the rules that keep runs from hanging."""
    history = History(tx, keeps_data=True)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, _NOBODY)
    runs.load([request.flow_run_id])
    work = runs.works.get(request.flow_run_id.int)
    if work is None:
        raise ObjectNotFound(f"Flow run with id {request.flow_run_id} not found")
    if work.parent_task_run_id is not None:
        tasks.load([work.parent_task_run_id])
    run, asked = _view(tx, work), proposed(request.state, work.id, work.version, now)
    verdict = _storable(run, rules.decide(run, asked, now, force=request.force))
    entered = verdict.state if isinstance(verdict, Accept | Reject) else None
    if entered is not None:
        runs.force(work, entered, goes_on=rules.goes_on(run, entered))
        if entered.type in TERMINAL:
            runs.close(work, ENDED)
        mirror(tasks, work, entered)
    runs.flush()
    tasks.flush()
    history.flush(tx)
    if entered is not None:
        _remember(tx, now, request.flow_run_id, run, entered)
    current = entered or read(tx, now, ReadFlowRun(flow_run_id=request.flow_run_id)).state
    return answers.of(verdict, current)


def bulk_set_state(tx: Transaction, now: datetime, request: BulkSetFlowRunState) -> StateResults:
    """Propose a state for the first runs that a filter finds."""
    return each_of(tx, now, request, set_state)


def _view(tx: Transaction, work: FlowWork) -> rules.RunView:
    """Return what the rules look at."""
    found = finding.find_flow_run(tx, work.id)
    assert found is not None  # noqa: S101 - it is locked
    return rules.RunView(
        **standing(found),
        policy=work.policy,
        has_deployment=work.deployment_id is not None,
        has_infrastructure=found.infrastructure_pid is not None,
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
