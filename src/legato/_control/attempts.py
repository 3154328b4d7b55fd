"""Attempts whose holder is dead are closed as Crashed, with everything that hung on them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from legato._control import slots as slot_control
from legato._control.proposals import mirror
from legato._model.records import Writer
from legato._model.states import State, StateType
from legato._store import decode, flow_runs, leases, slots, writers
from legato._store.flow_runs import FlowRuns, FlowWork
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

NOBODY = UUID(int=0)
LOST = "lost"
"""`attempt.cause` of an attempt whose holder ended without reporting."""


def open_writers(tx: Transaction) -> list[Writer]:
    """Return the writers that hold open attempts or live task runs."""
    return writers.list_open(tx)


def close_dead(
    tx: Transaction, now: datetime, dead: list[Writer], message: str | None = None
) -> list[UUID]:
    """Close what the dead writers held; return the flow runs. Doing it again changes nothing.

    `message` is that of the states; by default it names the process.
    """
    slot_control.end_all(tx, now, slots.of_writers(tx, [writer.id for writer in dead]))
    history = History(tx)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, NOBODY)
    holders = {writer.id: writer for writer in dead}
    runs.load(_held(tx, dead))
    lost = [work for work in _open(runs) if work.holder in holders]
    ids = [work.id for work in lost]
    tasks.load([*_live_tasks(tx, dead, ids), *_parents(lost)])
    of_lost = {work.id: holders[work.holder or NOBODY] for work in lost}
    for task in sorted(tasks.works.values(), key=lambda task: task.id):
        blamed = of_lost.get(task.flow_run_id or NOBODY) or holders.get(task.writer_id)
        if blamed is not None and task.is_live:
            text = message or _ended(blamed)
            tasks.follow(task, _crashed(task.id, task.version, now, text))
    for work in lost:
        _close(runs, tasks, work, now, message or _ended(of_lost[work.id]))
    leases.release_of(tx, holders)
    runs.flush()
    tasks.flush()
    history.flush(tx)
    return ids


def close_rest(tx: Transaction, now: datetime, flow_run_id: UUID, message: str) -> None:
    """Close what threads still do for a flow run that has ended: its tasks, subflows and theirs."""
    history = History(tx)
    runs, tasks = FlowRuns(tx, history, now), TaskRuns(tx, history, NOBODY)
    tree = flow_runs.list_tree(tx, flow_run_id)
    runs.load(tree)
    left = _open(runs)
    live = [decode.uid(row[0]) for row in tx.rows_in("task_run.list_live_of_flow_runs", tree)]
    tasks.load([*live, *_parents(left)])
    for task in sorted(tasks.works.values(), key=lambda task: task.id):
        if task.is_live:
            tasks.follow(task, _crashed(task.id, task.version, now, message))
    for work in left:
        _close(runs, tasks, work, now, message)
    runs.flush()
    tasks.flush()
    history.flush(tx)


def _open(runs: FlowRuns) -> list[FlowWork]:
    works = runs.works.values()
    return [work for work in works if work.closed_at is None and work.type is not None]


def _parents(works: list[FlowWork]) -> list[UUID]:
    found = (work.parent_task_run_id for work in works)
    return [parent for parent in found if parent is not None]


def _close(runs: FlowRuns, tasks: TaskRuns, work: FlowWork, now: datetime, message: str) -> None:
    state = _crashed(work.id, work.version, now, message)
    runs.move(work, state, None)
    runs.close(work, LOST)
    mirror(tasks, work, state)


def _held(tx: Transaction, dead: list[Writer]) -> list[UUID]:
    return [
        decode.uid(row[0])
        for writer in dead
        for row in tx.rows("flow_run.list_open", {"writer_id": writer.id})
    ]


def _live_tasks(tx: Transaction, dead: list[Writer], flow_runs: list[UUID]) -> list[UUID]:
    rows = [
        row for writer in dead for row in tx.rows("task_run.list_live", {"writer_id": writer.id})
    ]
    rows += tx.rows_in("task_run.list_live_of_flow_runs", flow_runs)
    return [decode.uid(row[0]) for row in rows]


def _ended(writer: Writer) -> str:
    return f"process {writer.pid} on {writer.host} ended without reporting"


def _crashed(run_id: UUID, version: int, now: datetime, message: str) -> State:
    return State(
        id=uuid5(run_id, f"crashed after {version}"),
        type=StateType.CRASHED,
        name="Crashed",
        timestamp=now,
        message=message,
    )
