"""Attempts whose holder is dead are closed as Crashed, with everything that hung on them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from legato._control import slots as slot_control
from legato._control.proposals import mirror
from legato._model.records import Writer
from legato._model.states import State, StateType
from legato._store import decode, leases, slots, writers
from legato._store.flow_runs import FlowRuns
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
    lost = [
        work
        for work in runs.works.values()
        if work.closed_at is None and work.holder in holders and work.type is not None
    ]
    ids = [work.id for work in lost]
    parents = [w.parent_task_run_id for w in lost if w.parent_task_run_id is not None]
    tasks.load([*_live_tasks(tx, dead, ids), *parents])
    of_lost = {work.id: holders[work.holder or NOBODY] for work in lost}
    for task in sorted(tasks.works.values(), key=lambda task: task.id):
        blamed = of_lost.get(task.flow_run_id or NOBODY) or holders.get(task.writer_id)
        if blamed is not None and task.is_live:
            tasks.follow(task, _crashed(task.id, task.version, now, blamed, message))
    for work in lost:
        state = _crashed(work.id, work.version, now, of_lost[work.id], message)
        runs.move(work, state, None)
        runs.close(work, LOST)
        mirror(tasks, work, state)
    leases.release_of(tx, holders)
    runs.flush()
    tasks.flush()
    history.flush(tx)
    return ids


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


def _crashed(
    run_id: UUID, version: int, now: datetime, writer: Writer, message: str | None
) -> State:
    return State(
        id=uuid5(run_id, f"crashed after {version}"),
        type=StateType.CRASHED,
        name="Crashed",
        timestamp=now,
        message=message or f"process {writer.pid} on {writer.host} ended without reporting",
    )
