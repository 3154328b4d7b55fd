"""A person marks a task run as succeeded: what stands in the way, and how it is recorded."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid5

import msgspec

from legato._control.flow_runs import stamped
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations.flow_runs import StateCreate
from legato._model.operations.task_runs import MarkTaskRunSucceeded
from legato._model.progress import advance
from legato._model.results import INLINE_LIMIT, NONE_RETURNED, ROW_LIMIT, Result
from legato._model.states import TERMINAL, State, StateType
from legato._model.transitions import MARKED
from legato._store import finding
from legato._store.flow_runs import FlowRuns
from legato._store.port import Transaction
from legato._store.results import Results
from legato._store.states import History
from legato._store.task_runs import TaskRuns, TaskWork

_NOBODY = UUID(int=0)


def mark(tx: Transaction, now: datetime, request: MarkTaskRunSucceeded) -> None:
    """Enter the state with its value; raise Conflict while somebody has the flow run."""
    history = History(tx)
    tasks = TaskRuns(tx, history, _NOBODY)
    found = finding.find_task_run(tx, request.task_run_id)
    if found is None:
        raise ObjectNotFound(f"There is no task run {request.task_run_id}.")
    if found.flow_run_id is None:
        raise Conflict(f"The task run {found.name!r} is of no flow run that could go on from it.")
    _require_at_rest(tx, now, history, found.flow_run_id)
    tasks.load([found.id])
    work = tasks.works[found.id.int]
    if work.type is StateType.COMPLETED:
        raise Conflict(f"The task run {found.name!r} has completed: there is nothing to mark.")
    _enter(tx, now, tasks, work, request)
    tasks.flush()
    history.flush(tx)


def _require_at_rest(tx: Transaction, now: datetime, history: History, run_id: UUID) -> None:
    """Lock the flow run, and the one that it is below of; raise Conflict unless both have ended."""
    run = finding.find_flow_run(tx, run_id)
    if run is None:
        raise ObjectNotFound(f"There is no flow run {run_id}.")
    runs = FlowRuns(tx, history, now)
    runs.load({run_id, run.root_flow_run_id or run_id})
    for work in runs.works.values():
        if work.type not in TERMINAL or (work.holder is not None and work.closed_at is None):
            standing = "no state" if work.type is None else work.type.value
            raise Conflict(
                f"The flow run {work.name!r} is in state {standing}: a task run can be marked once"
                " its flow run has ended."
            )


def _enter(
    tx: Transaction,
    now: datetime,
    tasks: TaskRuns,
    work: TaskWork,
    request: MarkTaskRunSucceeded,
) -> None:
    given = StateCreate(type=StateType.COMPLETED, name=MARKED, message=request.message)
    state = stamped(given, now)
    progress = advance(work.progress, work.type, work.entered_at, state)
    if request.value is None:
        tasks.move(work, state, progress, NONE_RETURNED)
        return
    body = _json(request.value)
    if len(body) <= ROW_LIMIT:
        tasks.move(work, state, progress, work.id)
        tasks.keep(work, body)
        return
    result = _result(work, state, body)
    kept = Results(tx)
    kept.add(result)
    kept.flush()
    tasks.move(work, state, progress, result.id)


def _json(value: object) -> bytes:
    try:
        body = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"value: {error}") from None
    if len(body) > INLINE_LIMIT:
        raise InvalidRequest(f"value: {len(body)} bytes of JSON are more than {INLINE_LIMIT}.")
    return body


def _result(work: TaskWork, state: State, body: bytes) -> Result:
    return Result(
        id=uuid5(state.id, "result"),
        flow_run_id=work.flow_run_id,
        serializer="json",
        size=len(body),
        sha256=sha256(body).digest(),
        created_at=state.timestamp,
        body=body,
    )
