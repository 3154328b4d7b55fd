"""Operations on flow runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, structs

from legato._control import pages, work_queues
from legato._control.estimates import estimated
from legato._control.ids import new_id
from legato._control.object_events import tell
from legato._control.proposals import mirror
from legato._model import names, transitions
from legato._model.errors import (
    Conflict,
    Error,
    InvalidRequest,
    NotAllowed,
    ObjectNotFound,
    Problem,
)
from legato._model.flow_runs import FlowRun, FlowRunDraft, FlowRunUpdate
from legato._model.flows import Flow
from legato._model.object_events import Happened
from legato._model.operations.flow_runs import (
    BulkDeleteFlowRuns,
    BulkSetFlowRunState,
    CountFlowRuns,
    CreateFlowRun,
    DeleteFlowRun,
    FilterFlowRuns,
    FlowRunPage,
    FlowRunStateResult,
    MergeFlowRunLabels,
    OrchestrationResult,
    PaginateFlowRuns,
    ReadFlowRun,
    SetFlowRunState,
    StateCreate,
    StateResults,
    UpdateFlowRun,
)
from legato._model.operations.spec import Deleted
from legato._model.results import said
from legato._model.states import DEFAULT_NAME, State, StateDetails, StateType
from legato._store import finding, trees
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import FlowWork
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)
PARAMETERS_MAX_BYTES = 512 * 1024


def create(tx: Transaction, now: datetime, request: CreateFlowRun) -> FlowRun:
    """Create a flow run without an attempt, or return the one with that idempotency key."""
    asked = request.flow_run
    known = None if asked.flow_id is None else _by_key(tx, asked.flow_id, asked.idempotency_key)
    if known is not None:
        return _read(tx, now, known)
    if asked.id is not None and finding.find_flow_run(tx, asked.id) is not None:
        raise Conflict(f"The flow run {asked.id} exists.")
    (outcome,) = create_new(tx, [(now, request)])
    if isinstance(outcome, Error):
        raise outcome
    return outcome


def is_surely_new(request: CreateFlowRun) -> bool:
    """Tell whether nobody else can have created the run."""
    return request.flow_run.id is None and request.flow_run.idempotency_key is None


def create_new(
    tx: Transaction, asked: Sequence[tuple[datetime, CreateFlowRun]]
) -> list[FlowRun | Error]:
    """Create flow runs that are not there yet; return them, or what each was refused for."""
    if not asked:
        return []
    history = History(tx, keeps_data=True)
    runs = FlowRuns(tx, history, max(now for now, _ in asked))
    flows: dict[UUID, Flow | None] = {}
    happened: list[Happened] = []
    made = [_made(tx, now, request, runs, flows, happened) for now, request in asked]
    runs.flush()
    _show_above(tx, history, runs, [work for work in made if isinstance(work, FlowWork)])
    history.flush(tx)
    if happened:
        tell(tx, max(now for now, _ in asked), happened)
    return [
        estimated(runs.created(each), now) if isinstance(each, FlowWork) else each
        for (now, _), each in zip(asked, made, strict=True)
    ]


def _show_above(
    tx: Transaction, history: History, runs: FlowRuns, made: Sequence[FlowWork]
) -> None:
    """Have the task runs that stand for subflows' runs name these, and be where these begin."""
    above = {work.parent_task_run_id: work for work in made if work.parent_task_run_id is not None}
    if not above:
        return
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.load(id_ for id_, work in above.items() if work.type is not StateType.PENDING)
    for work in above.values():
        if (state := runs.created(work).state) is not None:
            mirror(tasks, work, state)
    tasks.flush()
    for id_, work in above.items():
        tx.run("task_run.stand_for", {"task_run_id": id_, "flow_run_id": work.id})


def _made(
    tx: Transaction,
    now: datetime,
    request: CreateFlowRun,
    runs: FlowRuns,
    flows: dict[UUID, Flow | None],
    happened: list[Happened],
) -> FlowWork | Error:
    """Add a run to those that are to be written. `flows` are those known.

    `happened` takes the events of what is made for it, which are to be told.
    """
    asked = request.flow_run
    try:
        flow = _flow_of(tx, asked, flows)
        run_id = asked.id or new_id(now)
        _check_size(asked.parameters)
        state = stamped(asked.state or StateCreate(type=StateType.PENDING), now)
        if not transitions.is_legal(transitions.FLOW_RUN, None, state.type):
            raise InvalidRequest(f"state: A run cannot begin in {state.type.value}.")
        _place(tx, now, asked, happened)
    except Error as refusal:
        return refusal
    asked.name = asked.name or names.pair_of(run_id)
    asked.labels = {**flow.labels, **asked.labels}
    if asked.root_flow_run_id is None:
        asked.root_flow_run_id = _root(tx, run_id, asked.parent_task_run_id)
    work = runs.create(asked, run_id, flow.id, state)
    runs.begin(work, None, None)
    return work


def _place(tx: Transaction, now: datetime, asked: FlowRunDraft, happened: list[Happened]) -> None:
    """Put a run into the pool that it names; raise ObjectNotFound or InvalidRequest."""
    asked.work_pool_id = asked.work_queue_id = None
    if asked.work_pool_name is None:
        return
    names = (asked.work_pool_name, asked.work_queue_name)
    pool, queue, events = work_queues.place(tx, now, *names, asked.job_variables or {})
    asked.work_pool_id, asked.work_queue_id = pool.id, queue.id
    asked.work_queue_name = queue.name
    happened += events


def _flow_of(tx: Transaction, asked: FlowRunDraft, flows: dict[UUID, Flow | None]) -> Flow:
    """Return the flow of a run that is to be created; raise InvalidRequest or ObjectNotFound."""
    if asked.flow_id is None:
        missing = Problem(type="missing", loc=["flow_id"], msg="the field is required", input=None)
        raise InvalidRequest("flow_id: the field is required", [missing])
    if asked.flow_id not in flows:
        flows[asked.flow_id] = finding.find_flow(tx, asked.flow_id)
    flow = flows[asked.flow_id]
    if flow is None:
        raise ObjectNotFound(f"There is no flow {asked.flow_id}.")
    return flow


def _root(tx: Transaction, run_id: UUID, parent_task_run_id: UUID | None) -> UUID | None:
    """Return the run at the top of the tree that a new run hangs in."""
    if parent_task_run_id is None:
        return run_id
    parent = finding.find_task_run(tx, parent_task_run_id)
    if parent is None or parent.flow_run_id is None:
        return None
    above = finding.find_flow_run(tx, parent.flow_run_id)
    return None if above is None else above.root_flow_run_id or above.id


def _by_key(tx: Transaction, flow_id: UUID, key: str | None) -> UUID | None:
    if key is None:
        return None
    params = {"ws": DEFAULT_WORKSPACE, "flow_id": flow_id, "idempotency_key": key}
    return finding.find_flow_run_by_key(tx, params)


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


def paginate(tx: Transaction, now: datetime, request: PaginateFlowRuns) -> FlowRunPage:
    """Return a page of flow runs."""
    from legato._store.queries import lists

    return pages.page(
        request,
        FilterFlowRuns,
        lambda asked: filter(tx, now, asked),
        lambda: lists.count(tx, "flow_runs", request),
        FlowRunPage,
    )


def update(tx: Transaction, now: datetime, request: UpdateFlowRun) -> None:
    """Change what is given of a flow run; raise ObjectNotFound."""
    from legato._store.queries import changes

    given = request.flow_run
    if given.parameters is not UNSET:
        _check_size(given.parameters)
    if given.job_variables is not UNSET and given.job_variables is not None:
        _check_waits(_read(tx, now, request.flow_run_id))
    if not changes.update_flow_run(tx, now, request.flow_run_id, request.flow_run):
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")


def _check_size(parameters: dict[str, Any]) -> None:
    size = len(msgspec.json.encode(parameters))
    if size > PARAMETERS_MAX_BYTES:
        raise InvalidRequest(
            f"parameters: They take {size} bytes as JSON, of at most {PARAMETERS_MAX_BYTES}; keep"
            " what is large elsewhere, and give where it is."
        )


def _check_waits(run: FlowRun) -> None:
    """Refuse job variables for a run that no worker will start."""
    if run.state_type is not StateType.SCHEDULED:
        standing = "no state" if run.state_type is None else run.state_type.value
        raise NotAllowed(
            f"job_variables: They are changed while a run is SCHEDULED; this one is in {standing}."
        )
    if run.deployment_id is None:
        raise NotAllowed("job_variables: The run has no deployment whose worker would use them.")


def delete(tx: Transaction, now: datetime, request: DeleteFlowRun) -> None:
    """Delete a flow run with all that belongs to it; raise ObjectNotFound."""
    if not trees.delete(tx, request.flow_run_id):
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")


def bulk_delete(tx: Transaction, now: datetime, request: BulkDeleteFlowRuns) -> Deleted:
    """Delete the first flow runs that a filter finds, with all that belongs to them."""
    limit = pages.bulk(request.limit)
    found = filter(tx, now, FilterFlowRuns(flow_runs=request.flow_runs, limit=limit))
    for run in found:
        trees.delete(tx, run.id)
    return Deleted(deleted=[run.id for run in found])


def merge_labels(tx: Transaction, now: datetime, request: MergeFlowRunLabels) -> None:
    """Set some labels of a flow run; the others stay."""
    run = _read(tx, now, request.flow_run_id)
    labels = FlowRunUpdate(labels={**run.labels, **request.labels})
    update(tx, now, UpdateFlowRun(flow_run_id=run.id, flow_run=labels))


def each_of(
    tx: Transaction,
    now: datetime,
    request: BulkSetFlowRunState,
    set_one: Callable[[Transaction, datetime, SetFlowRunState], OrchestrationResult],
) -> StateResults:
    """Propose a state for each of the first runs that a filter finds."""
    limit = pages.bulk(request.limit)
    results: list[FlowRunStateResult] = []
    for run in filter(tx, now, FilterFlowRuns(flow_runs=request.flow_runs, limit=limit)):
        one = SetFlowRunState(flow_run_id=run.id, state=request.state, force=request.force)
        answer = structs.asdict(set_one(tx, now, one))
        results.append(FlowRunStateResult(flow_run_id=run.id, **answer))
    return StateResults(results=results)


def stamped(given: StateCreate, now: datetime) -> State:
    """Return a proposed state with an id and the time; scheduled without a time is due now."""
    if given.name == "":
        raise InvalidRequest("name: a state's name must not be empty.")
    details = given.state_details
    if given.type is StateType.SCHEDULED and (details is None or details.scheduled_time is None):
        details = structs.replace(details or StateDetails(), scheduled_time=now)
    return State(
        id=new_id(now),
        type=given.type,
        name=given.name or DEFAULT_NAME[given.type],
        timestamp=now,
        message=given.message,
        state_details=details,
        data=said(given.data),
    )
