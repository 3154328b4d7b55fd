"""Operations on flow runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4, uuid5

from legato._control import answers
from legato._control.estimates import estimated
from legato._control.proposals import enter, view
from legato._engine import rules
from legato._model import transitions
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.flow_runs import FlowRun
from legato._model.operations.flow_runs import (
    CountFlowRuns,
    CreateFlowRun,
    DeleteFlowRun,
    FilterFlowRuns,
    OrchestrationResult,
    ReadFlowRun,
    SetFlowRunState,
    StateCreate,
    UpdateFlowRun,
)
from legato._model.states import DEFAULT_NAME, State, StateType
from legato._store import finding, flow_runs
from legato._store.flow_runs import FlowRuns, FlowWork
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)


def create(tx: Transaction, now: datetime, request: CreateFlowRun) -> FlowRun:
    """Create a flow run without an attempt, or return the one with that idempotency key."""
    run = request.flow_run
    if run.flow_id is None or finding.find_flow(tx, run.flow_id) is None:
        raise ObjectNotFound(f"There is no flow {run.flow_id}.")
    if run.idempotency_key is not None:
        params = {
            "ws": DEFAULT_WORKSPACE,
            "flow_id": run.flow_id,
            "idempotency_key": run.idempotency_key,
        }
        known = flow_runs.find_by_key(tx, params)
        if known is not None:
            return _read(tx, now, known)
    run_id = run.id or uuid4()
    if finding.find_flow_run(tx, run_id) is not None:
        raise Conflict(f"The flow run {run_id} exists.")
    state = run.state or stamped(StateCreate(type=StateType.PENDING), run_id, 0, now)
    if not transitions.is_legal(transitions.FLOW_RUN, None, state.type):
        raise InvalidRequest(f"state: A run cannot begin in {state.type.value}.")
    if run.root_flow_run_id is None and run.parent_task_run_id is None:
        run.root_flow_run_id = run_id
    history = History(tx)
    runs = FlowRuns(tx, history, now)
    work = runs.create(run, run_id, run.flow_id, state)
    runs.begin(work, None, None)
    runs.flush()
    history.flush(tx)
    return _read(tx, now, run_id)


def read(tx: Transaction, now: datetime, request: ReadFlowRun) -> FlowRun:
    """Return a flow run; raise ObjectNotFound."""
    return _read(tx, now, request.flow_run_id)


def _read(tx: Transaction, now: datetime, run_id: UUID) -> FlowRun:
    found = finding.find_flow_run(tx, run_id)
    if found is None:
        raise ObjectNotFound(f"There is no flow run {run_id}.")
    return estimated(found, now)


def filter(tx: Transaction, now: datetime, request: FilterFlowRuns) -> list[FlowRun]:  # noqa: A001
    """List flow runs."""
    from legato._store.queries import lists

    return [estimated(run, now) for run in lists.flow_runs(tx, request)]


def count(tx: Transaction, now: datetime, request: CountFlowRuns) -> int:
    """Count flow runs."""
    from legato._store.queries import lists

    return lists.count(tx, "flow_runs", request)


def update(tx: Transaction, now: datetime, request: UpdateFlowRun) -> None:
    """Change what is given of a flow run; raise ObjectNotFound."""
    from legato._store.queries import changes

    if not changes.update_flow_run(tx, now, request.flow_run_id, request.flow_run):
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")


def delete(tx: Transaction, now: datetime, request: DeleteFlowRun) -> None:
    """Delete a flow run with all that belongs to it; raise ObjectNotFound."""
    if not flow_runs.delete(tx, request.flow_run_id):
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")


def set_state(tx: Transaction, now: datetime, request: SetFlowRunState) -> OrchestrationResult:
    """Propose a state for a flow run; `force` asks the table of transitions only.

    A terminal state is not left here: that takes a new attempt.
    """
    history = History(tx)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, _NOBODY)
    runs.load([request.flow_run_id])
    work = runs.works.get(request.flow_run_id.int)
    if work is None:
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")
    if work.parent_task_run_id is not None:
        tasks.load([work.parent_task_run_id])
    proposed = stamped(request.state, work.id, work.version, now)
    legal = transitions.is_legal(transitions.FLOW_RUN, work.type, proposed.type)
    if request.force and legal:
        verdict: rules.Verdict = rules.Accept(proposed)
    else:
        verdict = rules.decide(view(work), proposed, now)
    stored = _carry_out(runs, tasks, work, verdict)
    runs.flush()
    tasks.flush()
    history.flush(tx)
    return answers.of(verdict, stored or _read(tx, now, work.id).state)


def _carry_out(
    runs: FlowRuns, tasks: TaskRuns, work: FlowWork, verdict: rules.Verdict
) -> State | None:
    state = verdict.state if isinstance(verdict, rules.Accept | rules.Reject) else None
    if state is not None:
        enter(runs, tasks, work, state, None)
    return state


def stamped(given: StateCreate, run_id: UUID, version: int, now: datetime) -> State:
    """Return a proposed state with an id and the time."""
    if given.name == "":
        raise InvalidRequest("name: a state's name must not be empty.")
    return State(
        id=uuid5(run_id, f"state {version + 1} at {now.isoformat()}"),
        type=given.type,
        name=given.name or DEFAULT_NAME[given.type],
        timestamp=now,
        message=given.message,
        state_details=given.state_details,
    )
