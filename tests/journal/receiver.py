"""What the journal's tests share: records, and a sink that keeps what it was given."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from legato._journal.clock import SystemClock
from legato._journal.ids import TimeOrderedIds
from legato._model.logs import LogCreate
from legato._model.records import (
    PROPOSALS,
    Accepted,
    Answer,
    Batch,
    BatchAnswer,
    FlowRunMoveProposed,
    Logged,
    Record,
    Writer,
)
from legato._model.states import State, StateType

IDS = TimeOrderedIds()
CLOCK = SystemClock()


def make_writer() -> Writer:
    return Writer(
        id=IDS.new(), host="h", pid=1, pid_start=1, pid_namespace="n", opened_at=CLOCK.now()
    )


def fact(message: str) -> Logged:
    return Logged(LogCreate(name="t", level=20, message=message, timestamp=CLOCK.now()))


def proposal(run: UUID | None = None) -> FlowRunMoveProposed:
    state = State(id=IDS.new(), type=StateType.RUNNING, name="Running", timestamp=CLOCK.now())
    return FlowRunMoveProposed(1, run or IDS.new(), state)


class Receiver:
    """A sink that behaves as the store's receiver: numbers without hole, repeats without effect.

    `faults` are called one after the other, one a batch: `before` the commit or `after` it.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.batches: list[Batch] = []
        self.before: list[Callable[[Batch], None]] = []
        self.after: list[Callable[[Batch], None]] = []

    def __call__(self, batch: Batch) -> BatchAnswer:
        if self.before:
            self.before.pop(0)(batch)
        self.batches.append(
            Batch(batch.writer_id, batch.first_seq, list(batch.records), batch.acked)
        )
        known = len(self.records)
        assert batch.first_seq <= known + 1, "a hole"
        fresh = batch.records[known + 1 - batch.first_seq :]
        self.records.extend(fresh)
        if self.after:
            self.after.pop(0)(batch)
        return BatchAnswer(len(self.records), answers_to(batch))


def answers_to(batch: Batch) -> dict[int, Answer]:
    return {
        index: Accepted(record.state, batch.first_seq + index)
        for index, record in enumerate(batch.records)
        if isinstance(record, PROPOSALS) and isinstance(record, FlowRunMoveProposed)
    }
