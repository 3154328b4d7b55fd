"""A record that somebody waits for."""

from __future__ import annotations

from uuid import UUID

from legato._model.records import (
    PROPOSALS,
    Aborted,
    Answer,
    BatchAnswer,
    FlowRunMoveProposed,
    FlowRunProposed,
    Record,
)
from legato._model.task_runs import TaskRunCreate


class Ticket:
    """Stands in the buffer for a record until the record is committed.

    `answer` stays None for a fact; `done` tells that nobody need wait any longer.
    """

    __slots__ = ("answer", "done", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.answer: Answer | None = None
        self.done = False

    def settle(self, answer: Answer | None) -> None:
        """Give the answer; the first one counts."""
        if not self.done:
            self.answer = answer
            self.done = True


Entry = Record | Ticket


def record_of(entry: Entry) -> Record:
    """Return the record itself."""
    return entry.record if isinstance(entry, Ticket) else entry


def hand_out(entries: list[Entry], answer: BatchAnswer) -> None:
    """Settle the tickets among `entries`, which the sink answered with `answer`."""
    for index, entry in enumerate(entries):
        if isinstance(entry, Ticket):
            entry.settle(answer.answers.get(index) or unanswered(entry.record, answer))


def unanswered(record: Record, answer: BatchAnswer) -> Answer | None:
    """Return what a waiting thread is told when the sink said nothing about its record."""
    if not isinstance(record, PROPOSALS):
        return None
    runs = _runs_of(record)
    for fence in answer.fenced:
        if fence.flow_run_id in runs:
            return Aborted(fence.reason)
    return Aborted("The proposal could not be stored.")


def _runs_of(record: Record) -> set[UUID | None]:
    match record:
        case FlowRunMoveProposed():
            return {record.flow_run_id}
        case FlowRunProposed(parent=TaskRunCreate() as parent):
            return {record.run.id, parent.flow_run_id}
        case _:
            return set()
