"""Opening the next attempt of a flow run, and what the attempts before have left."""

from __future__ import annotations

from datetime import datetime

from legato._model.attempts import Attempt, AttemptOpened, Step
from legato._model.environments import Environment
from legato._model.errors import Conflict, ObjectNotFound
from legato._model.operations.attempts import ListAttempts, ListSteps, OpenAttempt, ReadEnvironment
from legato._model.states import TERMINAL, StateType
from legato._store import environments, steps, writers
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import FlowWork
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns


def open(tx: Transaction, now: datetime, request: OpenAttempt) -> AttemptOpened:  # noqa: A001
    """Open the next attempt of a flow run; raise Conflict if somebody else has, or it is none."""
    history = History(tx)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, request.writer.id)
    parent = request.parent
    above = parent.flow_run_id if parent is not None else None
    runs.load([request.flow_run_id] if above is None else [request.flow_run_id, above])
    work = runs.works.get(request.flow_run_id.int)
    if work is None:
        raise ObjectNotFound(f"There is no flow run {request.flow_run_id}.")
    if work.state_id == request.state.id and work.holder == request.writer.id:
        return AttemptOpened(number=work.epoch, version=work.version, state=request.state)
    _refuse(tx, work, request)
    writers.create(tx, request.writer)  # else nobody would see that it died before it wrote
    runs.reopen(work, request.state, request.writer, request.code_version, request.code_files)
    if parent is not None and above is not None:
        if not runs.works[above.int].is_open(request.parent_epoch):
            raise Conflict(f"The attempt {request.parent_epoch} of the flow run {above} is closed.")
        tasks.create(parent, request.parent_epoch, child=work.id)
        runs.attach(work, parent.id)
    opened = AttemptOpened(number=work.epoch, version=work.version, state=request.state)
    runs.flush()
    tasks.flush()
    history.flush(tx)
    if request.environment is not None:
        environments.note(tx, request.writer.id, request.environment)
    return opened


def _refuse(tx: Transaction, work: FlowWork, request: OpenAttempt) -> None:
    """Raise Conflict unless the run waits for exactly this attempt."""
    kind, name = work.type, work.name
    if kind is StateType.COMPLETED:
        raise Conflict(f"The flow run {name!r} has completed: there is nothing to resume.")
    taken = work.holder is not None and work.closed_at is None
    if taken or kind not in TERMINAL:
        raise Conflict(f"The flow run {name!r} {_held(tx, work)}.")
    if request.number != work.epoch + 1:
        raise Conflict(
            f"The flow run {name!r} has had {work.epoch} attempts, so the next is"
            f" {work.epoch + 1}, not {request.number}: somebody else has resumed it meanwhile."
        )


def _held(tx: Transaction, work: FlowWork) -> str:
    state = work.type.value if work.type is not None else "no state"
    held = [one for one in steps.list_attempts(tx, work.id) if one.number == work.epoch]
    if not held or held[0].closed_at is not None:
        return f"is in state {state}, which is no end to go on from"
    one = held[0]
    return (
        f"is being run by process {one.pid} on {one.host} since"
        f" {one.opened_at:%Y-%m-%d %H:%M:%S} UTC (attempt {one.number})"
    )


def list_(tx: Transaction, now: datetime, request: ListAttempts) -> list[Attempt]:
    """Return the attempts of a flow run."""
    return steps.list_attempts(tx, request.flow_run_id)


def list_steps(tx: Transaction, now: datetime, request: ListSteps) -> list[Step]:
    """Return the task runs of a flow run, by the order of their calls."""
    return steps.list_steps(tx, request.flow_run_id)


def read_environment(
    tx: Transaction, now: datetime, request: ReadEnvironment
) -> Environment | None:
    """Return what the process of an attempt had installed."""
    return environments.find(tx, request.writer_id)
