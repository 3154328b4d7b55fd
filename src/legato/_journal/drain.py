"""Takes records from the buffer, numbers them and brings them to the sink, batch by batch.

One thread at a time works here: the one that holds the journal's turn. What was taken stays
`_pending` until the sink has answered, so whatever interrupts the thread (also Ctrl-C), the same
records go out again under the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from legato._journal.outage import Outage, answer_locally
from legato._journal.tickets import Entry, Ticket, hand_out, record_of, unanswered
from legato._model.errors import StoreBusy, StoreError
from legato._model.logs import LogCreate
from legato._model.records import Batch, BatchAnswer, Logged
from legato._store.faults import failpoint

if TYPE_CHECKING:
    from legato._model.ports import Clock

Sink = Callable[[Batch], BatchAnswer]

BATCH_LIMIT = 500
BOUND = 20_000  # records that may wait in memory
PATIENCE_SECONDS = 30.0  # for a database that is in use
FIRST_DELAY, LAST_DELAY = 0.01, 1.0
FAILURES = 3  # of a record on its own, before it is given up
_TOMBSTONE = "legato.journal"


class _Pending(Struct):
    entries: list[Entry]
    batch: Batch
    failures: int = 0


class Drain:
    """The numbered side of the journal; `step` moves one batch."""

    def __init__(
        self, sink: Sink, clock: Clock, outage: Outage, pause: Callable[[float], None]
    ) -> None:
        self.buffer: list[Entry] = []
        self.outage = outage
        self.patience = PATIENCE_SECONDS
        self.insists = False  # be patient even though the store is out of use already
        self.fences: dict[UUID, str] = {}
        self._sink = sink
        self._clock = clock
        self._pause = pause
        self._pending: _Pending | None = None
        self._seq = 0
        self._plain = False  # something was committed that a power cut may still take

    @property
    def empty(self) -> bool:
        """Tell whether all that was appended is committed."""
        return self._pending is None and not self.buffer

    @property
    def backlog(self) -> int:
        """Return how many records are not committed."""
        return len(self.buffer) + (len(self._pending.entries) if self._pending else 0)

    def step(self, writer_id: UUID, acked: bool) -> int:
        """Bring one batch to the sink; return how many records it held, 0 if none got there."""
        if self.outage.holds():
            self._make_do()
            return 0
        failpoint("journal.before_drain")
        pending = self._pending or self._take(writer_id, acked)
        if pending is None:
            return 0
        if acked:
            pending.batch.acked = True
        answer = self._deliver(pending.batch)
        if answer is None:
            self._make_do()
            return 0
        self._finish(pending, answer)
        return len(pending.entries)

    def harden(self, writer_id: UUID) -> None:
        """Make what was committed plainly survive a power cut too."""
        if self._plain and self.empty and not self.outage.holds():
            answer = self._deliver(Batch(writer_id, self._seq + 1, [], True))
            self._plain = answer is None

    def _take(self, writer_id: UUID, acked: bool) -> _Pending | None:
        buffer = self.buffer
        entries = buffer[:BATCH_LIMIT]
        if not entries:
            return None
        pending, count = self._packed(writer_id, entries, acked), len(entries)
        # others go on appending, so it is `count`; no call between these two, so that no signal
        # handler can come in
        self._pending = pending
        del buffer[:count]
        return pending

    def _packed(self, writer_id: UUID, entries: list[Entry], acked: bool) -> _Pending:
        waited_for = any(isinstance(entry, Ticket) for entry in entries)
        records: Any = [record_of(entry) for entry in entries] if waited_for else entries
        batch = Batch(writer_id, self._seq + 1, records, acked or waited_for)
        return _Pending(entries, batch)

    def _finish(self, pending: _Pending, answer: BatchAnswer) -> None:
        failpoint("journal.before_answers")
        for fence in answer.fenced:
            self.fences[fence.flow_run_id] = fence.reason
        hand_out(pending.entries, answer)
        self.outage.end()
        self._plain = not pending.batch.acked
        seq = pending.batch.first_seq + len(pending.entries) - 1
        self._seq = seq
        self._pending = None

    def _deliver(self, batch: Batch) -> BatchAnswer | None:
        """Send until there is an answer; None: not now, or not like this."""
        delay, waited = FIRST_DELAY, 0.0
        patience = self.patience if self.insists or self.outage.error is None else 0.0
        while True:
            try:
                return self._send(batch)
            except (StoreBusy, OSError) as error:
                if waited >= patience:
                    self.outage.begin(_as_store_error(error))
                    return None
            except StoreError as error:
                self.outage.begin(error)
                return None
            except Exception as error:  # noqa: BLE001 - one bad record must not stop the rest
                self._narrow(error)
                return None
            self._pause(delay)
            waited += delay
            delay = min(delay * 2, LAST_DELAY)

    def _send(self, batch: Batch) -> BatchAnswer:
        failpoint("journal.before_sink")
        answer = self._sink(batch)
        failpoint("journal.after_sink")
        return answer

    def _narrow(self, error: Exception) -> None:
        """Close in on the record that breaks its batch."""
        pending = self._pending
        if pending is None:  # an empty batch
            self.outage.begin(_as_store_error(error))
        elif len(pending.entries) > 1:
            half = len(pending.entries) // 2
            first = self._packed(
                pending.batch.writer_id, pending.entries[:half], pending.batch.acked
            )
            rest = pending.entries[half:]
            self._pending = first
            self.buffer[:0] = rest
        else:
            pending.failures += 1
            if pending.failures >= FAILURES:
                self._bury(pending, error)

    def _bury(self, pending: _Pending, error: Exception) -> None:
        """Put a log line in the place, and under the number, of the record that breaks things."""
        entry = pending.entries[0]
        record = record_of(entry)
        if isinstance(record, Logged) and record.log.name == _TOMBSTONE:
            self.outage.begin(_as_store_error(error))
            return
        what = f"{type(record).__name__} could not be stored: {type(error).__name__}: {error}"
        line = LogCreate(name=_TOMBSTONE, level=40, message=what, timestamp=self._clock.now())
        self.outage.lost_facts += 1
        pending.failures = 0
        pending.batch.records = [Logged(line)]
        if isinstance(entry, Ticket):
            entry.settle(unanswered(record, BatchAnswer(0)))
        pending.entries[0] = Logged(line)

    def _make_do(self) -> None:
        """Let nobody wait for a store that is out of use."""
        if self.outage.error is None:
            return
        if self._pending is not None:
            answer_locally(self._pending.entries)
        answer_locally(self.buffer)
        self.outage.trim(self.buffer, BOUND)


def _as_store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    return StoreError(f"{type(error).__name__}: {error}")
