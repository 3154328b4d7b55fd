"""What happens while the store takes nothing: the run goes on, loudly and within bounds.

Proposals are accepted here, so that user code runs; what they and the facts said is kept in
memory, up to a bound, for the moment at which the store works again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO
from uuid import UUID, uuid4

from legato._journal.tickets import Entry, Ticket
from legato._model.records import (
    Accepted,
    Answer,
    FlowRunMoveProposed,
    FlowRunProposed,
    Logged,
    Record,
    TaskRunCreated,
    TaskRunMoved,
)
from legato._model.states import State, StateType

if TYPE_CHECKING:
    from legato._model.errors import StoreError

RETRY_SECONDS = 1.0


class Outage:
    """Whether the store is out of use, since which error, and what was lost by it."""

    def __init__(self, place: str, monotonic: Callable[[], float]) -> None:
        self.place = place
        self.error: StoreError | None = None
        self.lost_logs = 0
        self.lost_facts = 0
        self._monotonic = monotonic
        self._retry_at = 0.0
        self._warned = False
        self._torn: set[UUID] = set()

    def begin(self, error: StoreError) -> None:
        """Note that the store refused; say so once, on stderr."""
        self.error = error
        self._retry_at = self._monotonic() + RETRY_SECONDS
        if not self._warned:
            self._warned = True
            _say(f"runs are not recorded in {self.place}: {error} The program goes on.")

    def end(self) -> None:
        """Note that the store took a batch again."""
        if self.error is not None:
            self.error = None
            _say(f"runs are recorded in {self.place} again; {self.losses()}.")

    def holds(self) -> bool:
        """Tell whether it is too early to try the store again."""
        return self.error is not None and self._monotonic() < self._retry_at

    def seconds_left(self) -> float:
        """Return how long to wait before the next try."""
        return max(0.0, self._retry_at - self._monotonic())

    def retry_now(self) -> None:
        """Let the next batch try the store at once."""
        self._retry_at = 0.0

    def losses(self) -> str:
        """Say in words what was dropped."""
        if not self.lost_logs and not self.lost_facts:
            return "nothing was lost"
        return f"lost: {self.lost_logs} log lines, {self.lost_facts} other records"

    def trim(self, buffer: list[Entry], bound: int) -> None:
        """Cut `buffer` to about `bound` records: log lines first, then the newest facts.

        A task run of which something was dropped loses all that follows too: its history may
        lose its tail, never its middle. Proposals stay.
        """
        excess = len(buffer) - bound
        if excess <= 0:
            return
        seen = len(buffer)
        kept = [entry for entry in buffer[:seen] if not isinstance(entry, Logged)]
        self.lost_logs += seen - len(kept)
        facts = len(kept)
        kept = [e for i, e in enumerate(kept) if not self._drops(e, i >= bound)]
        self.lost_facts += facts - len(kept)
        buffer[:seen] = kept

    def _drops(self, entry: Entry, beyond: bool) -> bool:
        if isinstance(entry, Ticket | FlowRunProposed | FlowRunMoveProposed):
            return False
        key = _task_run_id(entry)
        if key is None:
            return beyond
        if beyond:
            self._torn.add(key)
        return key in self._torn


def answer_locally(entries: list[Entry]) -> None:
    """Accept every proposal that waits among `entries`, and leave the bare records."""
    for index, entry in enumerate(entries):
        if isinstance(entry, Ticket):
            entry.settle(_local_answer(entry.record))
            entries[index] = entry.record


def _local_answer(record: Record) -> Answer | None:
    """Version 0 says that the state is not stored."""
    match record:
        case FlowRunMoveProposed():
            return Accepted(record.state, 0)
        case FlowRunProposed():
            return Accepted(record.run.state or _pending(), 0)
        case _:
            return None


def _pending() -> State:
    return State(id=uuid4(), type=StateType.PENDING, name="Pending", timestamp=datetime.now(UTC))


def _task_run_id(record: Record) -> UUID | None:
    match record:
        case TaskRunCreated():
            return record.run.id
        case TaskRunMoved():
            return record.task_run_id
        case _:
            return None


def _say(line: str) -> None:
    stream: TextIO | None = sys.stderr  # None under pythonw
    if stream is not None:
        stream.write(f"legato: {line}\n")
        stream.flush()
