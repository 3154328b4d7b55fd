"""What happens while the store takes nothing: the run goes on, loudly and within bounds.

Proposals are accepted here, so that user code runs; what they and the facts said is kept in the
spool, or where there is none in memory, up to a bound, until the store works again.
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
    TaskRunNamed,
)
from legato._model.states import State, StateType

if TYPE_CHECKING:
    from legato._journal.spool import Spool
    from legato._model.errors import StoreError

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 8.0


class Outage:
    """Whether the store is out of use, since which error, and what was lost by it."""

    def __init__(self, place: str, monotonic: Callable[[], float]) -> None:
        self.place = place
        self.error: StoreError | None = None
        self.lost_logs = 0
        self.lost_facts = 0
        self._monotonic = monotonic
        self._retry_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._told = 0  # how bad it is: 1, records go to the spool; 2, they wait in memory
        self.torn: set[UUID] = set()

    def begin(self, error: StoreError) -> None:
        """Note that the store refused."""
        self.error = error
        self._retry_at = self._monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LAST_RETRY_SECONDS)

    def tell(self, spool: Spool) -> None:
        """Say once, on stderr, where the records go; and once more if it comes to the worse."""
        worse = 1 if spool.usable else 2
        if worse <= self._told or (spool.usable and spool.path is None):
            return
        before, self._told = self._told, worse
        if before:
            self.say(f"{spool.error} What follows waits in memory only.")
            return
        where = f" The records wait in {spool.path}." if spool.usable else ""
        self.say(f"runs are not recorded in {self.place}: {self.error}{where} The program goes on.")

    def end(self) -> None:
        """Note that the store took a batch again."""
        if self.error is not None:
            self.error = None
            self._retry_seconds = FIRST_RETRY_SECONDS
            self.say(f"runs are recorded in {self.place} again; {self.losses()}.")

    def holds(self) -> bool:
        """Tell whether it is too early to try the store again."""
        return self.error is not None and self._monotonic() < self._retry_at

    def seconds_left(self) -> float:
        """Return how long to wait before the next try."""
        return max(0.0, self._retry_at - self._monotonic())

    def retry_now(self) -> None:
        """Let the next batch try the store at once."""
        self._retry_at = 0.0

    def lose_logs(self, lines: int) -> None:
        """Count log lines that were dropped to make room; say so at the first."""
        if lines and not self.lost_logs:
            self.say("the spool has reached its bound: log lines are dropped.")
        self.lost_logs += lines

    def losses(self) -> str:
        """Say in words what was dropped."""
        if not self.lost_logs and not self.lost_facts:
            return "nothing was lost"
        return f"lost: {self.lost_logs} log lines, {self.lost_facts} other records"

    def say(self, line: str) -> None:
        """Tell people something, on stderr."""
        stream: TextIO | None = sys.stderr  # None under pythonw
        if stream is not None:
            stream.write(f"legato: {line}\n")
            stream.flush()

    def trim(self, buffer: list[Entry], bound: int, fixed: int = 0) -> None:
        """Cut `buffer` to about `bound` records: log lines first, then the newest facts.

        A task run of which something was dropped loses all that follows too: its history may
        lose its tail, never its middle. Proposals stay, and the `fixed` first records.
        """
        excess = len(buffer) - bound
        if excess <= 0:
            return
        seen = len(buffer)
        kept = [e for i, e in enumerate(buffer[:seen]) if i < fixed or not isinstance(e, Logged)]
        self.lost_logs += seen - len(kept)
        facts = len(kept)
        kept = [e for i, e in enumerate(kept) if i < fixed or not self._drops(e, i >= bound)]
        self.lost_facts += facts - len(kept)
        buffer[:seen] = kept

    def intact(self, entries: list[Entry]) -> list[Entry]:
        """Return the entries without what follows a loss in the history of the same task run."""
        kept = [entry for entry in entries if not self._drops(entry, False)]
        self.lost_facts += len(entries) - len(kept)
        return kept

    def _drops(self, entry: Entry, beyond: bool) -> bool:
        if isinstance(entry, Ticket | FlowRunProposed | FlowRunMoveProposed):
            return False
        key = _task_run_id(entry)
        if key is None:
            return beyond
        if beyond:
            self.torn.add(key)
        return key in self.torn


def waiting(count: int, path: str) -> str:
    """Say in words that records wait in a file, and until when."""
    return (
        f"{count} records wait in {path}; the next process that opens the home delivers them, "
        "or `legato spool send`."
    )


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
        case TaskRunMoved() | TaskRunNamed():
            return record.task_run_id
        case _:
            return None
