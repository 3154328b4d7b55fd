"""Attempts whose holder is dead are closed as Crashed, with everything that hung on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID, uuid5

from legato._control import slots as slot_control
from legato._control.proposals import mirror
from legato._model.records import Writer
from legato._model.states import TERMINAL, State, StateType
from legato._store import decode, leases, slots, trees, writers
from legato._store.flow_runs import FlowRuns
from legato._store.flow_work import FlowWork
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns, TaskWork

NOBODY = UUID(int=0)
LOST = "lost"
"""`attempt.cause` of an attempt whose holder ended without reporting."""
CANCELLED = StateType.CANCELLED


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
    closing = Closing(tx, now)
    holders = {writer.id: writer for writer in dead}
    closing.runs.load(_held(tx, dead))
    lost = [work for work in closing.open_runs() if work.holder in holders]
    words = {work.id: message or ended(holders[work.holder or NOBODY]) for work in lost}

    def told(task: TaskWork) -> str | None:
        writer = holders.get(task.writer_id)
        return None if writer is None else message or ended(writer)

    closing.end(lost, words, live_tasks(tx, dead, list(words)), told)
    leases.release_of(tx, holders)
    closing.flush()
    return list(words)


def close_rest(tx: Transaction, now: datetime, flow_run_id: UUID, message: str) -> None:
    """Close what threads still do for a flow run that has ended: its tasks, subflows and theirs."""
    closing = Closing(tx, now)
    tree = trees.list_tree(tx, flow_run_id)
    closing.runs.load(tree)
    # a run that was moved by Prefect's clients has ended without an attempt that was closed
    left = [work for work in closing.open_runs() if work.type not in TERMINAL]
    live = [decode.uid(row[0]) for row in tx.rows_in("task_run.list_live_of_flow_runs", tree)]
    closing.end(left, {work.id: message for work in left}, live, lambda _: message)
    closing.flush()


class Closing:
    """Flow runs that are ended from outside, with their tasks: the rows that this touches."""

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self._tx, self._now = tx, now
        self._history = History(tx)
        self.runs = FlowRuns(tx, self._history, now)
        self.tasks = TaskRuns(tx, self._history, NOBODY)

    def open_runs(self) -> list[FlowWork]:
        """Return those of the runs at hand whose attempt is not closed."""
        works = self.runs.works.values()
        return [work for work in works if work.closed_at is None and work.type is not None]

    def end(
        self,
        lost: list[FlowWork],
        words: dict[UUID, str],
        live: Iterable[UUID],
        told: Callable[[TaskWork], str | None] = lambda _: None,
        cause: str = LOST,
        late: Iterable[UUID] = (),
    ) -> None:
        """End runs, `words` being their messages, and the live tasks of them.

        `told` gives the message for tasks of other runs; None: such a task is left alone. `late`
        are runs that took too long.
        """
        parents = (work.parent_task_run_id for work in lost)
        self.tasks.load([*live, *(parent for parent in parents if parent is not None)])
        too_late = set(late)
        cancelled = {work.id for work in lost if work.type is StateType.CANCELLING}
        for task in sorted(self.tasks.works.values(), key=lambda task: task.id):
            message = words.get(task.flow_run_id or NOBODY) or told(task)
            if message is not None and task.is_live:
                kind = CANCELLED if task.flow_run_id in cancelled else StateType.CRASHED
                self.tasks.follow(task, self._state(task, kind, message))
        for work in lost:
            kind = CANCELLED if work.id in cancelled else StateType.CRASHED
            state = self._state(work, kind, words[work.id])
            if work.id in too_late and work.id not in cancelled:
                state.type, state.name = StateType.FAILED, "TimedOut"
            self.runs.move(work, state, None)
            self.runs.close(work, cause)
            mirror(self.tasks, work, state)

    def flush(self) -> None:
        """Write what was ended."""
        self.runs.flush()
        self.tasks.flush()
        self._history.flush(self._tx)

    def _state(self, work: FlowWork | TaskWork, kind: StateType, message: str) -> State:
        return State(
            id=crash_id(work.id, work.version),
            type=kind,
            name=kind.value.capitalize(),
            timestamp=self._now,
            message=message,
        )


def live_tasks(tx: Transaction, dead: list[Writer], flow_runs: list[UUID]) -> list[UUID]:
    """Return the live task runs of writers and of flow runs."""
    rows = [
        row for writer in dead for row in tx.rows("task_run.list_live", {"writer_id": writer.id})
    ]
    rows += tx.rows_in("task_run.list_live_of_flow_runs", flow_runs)
    return [decode.uid(row[0]) for row in rows]


def ended(writer: Writer) -> str:
    """Say that a process is dead."""
    return f"process {writer.pid} on {writer.host} ended without reporting"


def crash_id(run_id: UUID, version: int) -> UUID:
    """Return the id of the state in which a run of that version is ended from outside."""
    return uuid5(run_id, f"crashed after {version}")


def _held(tx: Transaction, dead: list[Writer]) -> list[UUID]:
    return [
        decode.uid(row[0])
        for writer in dead
        for row in tx.rows("flow_run.list_open", {"writer_id": writer.id})
    ]
