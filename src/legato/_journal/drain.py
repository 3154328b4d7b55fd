"""Takes records from the buffer, numbers them and brings them to the sink, batch by batch.

One thread at a time works here: the one that holds the journal's turn. What was taken stays
`_pending` until the sink has answered, so whatever interrupts the thread (also Ctrl-C), the same
records go out again under the same numbers.

While the store is out of use, batches go to the spool. `_seq` is the last number that left the
memory, `_stored` the last one that the store has: what lies between waits in the spool, and goes
out before anything else does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from legato._journal.ahead import Attempt, Vanguard
from legato._journal.outage import Outage, answer_locally
from legato._journal.spool import Spool
from legato._journal.tickets import Entry, Ticket, hand_out, record_of, unanswered
from legato._model.errors import StoreBusy, StoreError
from legato._model.logs import LogCreate
from legato._model.records import Batch, BatchAnswer, Logged, Record
from legato._store.faults import failpoint

if TYPE_CHECKING:
    from legato._model.ports import Clock

Sink = Callable[[Batch], BatchAnswer]

BATCH_LIMIT = 500
BOUND = 20_000  # records that may wait in memory
PATIENCE_SECONDS = 30.0  # for a database that is in use
SHORT_PATIENCE_SECONDS = 5.0  # where there is a spool
SPOOL_WINDOW_SECONDS = 0.05
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
        self,
        sink: Sink,
        clock: Clock,
        outage: Outage,
        spool: Spool,
        pause: Callable[[float], None],
    ) -> None:
        self.buffer: list[Entry] = []
        self.outage = outage
        self.spool = spool
        self.patience = SHORT_PATIENCE_SECONDS if spool.usable else PATIENCE_SECONDS
        self.insists = False  # be patient even though the store is out of use already
        self.fences: dict[UUID, str] = {}
        self._sink = sink
        self._clock = clock
        self._pause = pause
        self._pending: _Pending | None = None
        self._returned: _Pending | None = None  # out of the spool
        self._seq = 0
        self._emptied_at = 0.0
        self._stored = 0
        self.ahead = Vanguard()
        self._plain = False  # something was committed that a power cut may still take

    @property
    def empty(self) -> bool:
        """Tell whether all that was appended is committed."""
        return self._pending is None and not self.buffer and self._stored == self._seq

    @property
    def spooled(self) -> int:
        """Return how many records wait in the spool."""
        return self._seq - self._stored

    @property
    def in_memory(self) -> int:
        """Return how many records are nowhere but in memory."""
        return len(self.buffer) + (len(self._pending.entries) if self._pending else 0)

    @property
    def backlog(self) -> int:
        """Return how many records are not committed."""
        return self.in_memory + self.spooled

    def rest(self) -> tuple[int, list[Record]]:
        """Return what is nowhere but in memory, after the number of the first of it.

        For a thread without the turn: who has it may go on meanwhile, so this looks again until
        nothing has moved.
        """
        while True:
            seq, pending, entries = self._seq, self._pending, self.buffer[:]
            held = pending.entries if pending is not None else []
            if seq != self._seq or pending is not self._pending:
                continue
            if not (held and entries and held[0] is entries[0]):  # taken, and not yet out of it
                break
        first = seq + 1 if pending is None else pending.batch.first_seq
        taken = [] if pending is None else pending.batch.records
        return first, [*taken, *map(record_of, entries)]

    def rest_seconds(self) -> float:
        """Return how long to wait before the next step, while the store is out of use."""
        left = self.outage.seconds_left()
        return min(left, SPOOL_WINDOW_SECONDS) if self.spool.usable else left

    def age(self) -> float:
        """Return the seconds since the buffer was taken as a whole."""
        return time.monotonic() - self._emptied_at

    def step(self, writer_id: UUID, acked: bool) -> int:
        """Bring one batch to the sink; return how many records it held, 0 if none got there."""
        if self.outage.holds():
            self._make_do(writer_id)
            return 0
        failpoint("journal.before_drain")
        pending = self._next(writer_id, acked)
        if pending is not None:
            if acked:
                pending.batch.acked = True
            answer = self._deliver(pending.batch, pending)
            if answer is not None:
                self._finish(pending, answer)
                return len(pending.entries)
        self._make_do(writer_id)
        return 0

    def keep_ahead(self, attempt: Attempt) -> bool:
        """Have what is in memory survive a power cut ahead of its batch; False: it does not."""
        if self._pending is not None or self.spooled or self.outage.error is not None:
            return False
        if not self.ahead.advance(self._seq, self.buffer, attempt):
            return False
        self._plain = False  # the log of the database is synchronised as a whole
        return True

    def keep_here(self, writer_id: UUID) -> bool:
        """Put on disk what the store has not, as a power cut leaves it; False: it could not be."""
        return self.keep(writer_id) and (not self.spooled or self.spool.harden())

    def keep(self, writer_id: UUID) -> bool:
        """Put on disk what is in memory, if that is possible; nobody waits for it then."""
        while (pending := self._pending or self._take(writer_id, acked=False)) is not None:
            try:
                if not self.spool.keep(pending.batch):
                    return False
            except Exception as error:  # noqa: BLE001 - one bad record must not stop the rest
                self._narrow(pending, error)
                if pending.failures > FAILURES:  # not even the line that stands for it
                    return False
                continue
            answer_locally(pending.entries)
            last = pending.batch.first_seq + len(pending.entries) - 1
            # no call between these two
            self._seq = last
            self._pending = None
        return True

    def harden(self, writer_id: UUID) -> None:
        """Make what was committed plainly survive a power cut too."""
        settled = self._pending is None and not self.spooled
        # others may append meanwhile: the number of the next record is not taken here
        if self._plain and settled and not self.outage.holds():
            answer = self._deliver(Batch(writer_id, self._seq + 1, [], True), None)
            self._plain = answer is None

    def _next(self, writer_id: UUID, acked: bool) -> _Pending | None:
        """Return what goes out next: what the spool holds, then what is in memory."""
        if self._stored == self._seq:
            return self._pending or self._take(writer_id, acked)
        if self._returned is None:
            first = self._stored + 1
            try:
                records: list[Any] = self.spool.head(first, self._seq)
            except StoreError as error:
                self.outage.begin(error)
                return None
            self._returned = _Pending(records, self._batch(writer_id, first, records, True))
        return self._returned

    def _take(self, writer_id: UUID, acked: bool) -> _Pending | None:
        buffer = self.buffer
        entries = buffer[:BATCH_LIMIT]
        if not entries:
            return None
        count = len(entries)
        if self.outage.torn:
            fixed = self.ahead.count(self._seq)
            entries = entries[:fixed] + self.outage.intact(entries[fixed:])
            if not entries:
                del buffer[:count]
                return self._take(writer_id, acked)
        pending = self._packed(writer_id, entries, acked)
        # others go on appending, so it is `count`; no call between these two, so that no signal
        # handler can come in
        self._pending = pending
        del buffer[:count]
        if not buffer:
            self._emptied_at = time.monotonic()
        return pending

    def _packed(self, writer_id: UUID, entries: list[Entry], acked: bool) -> _Pending:
        waited_for = Ticket in set(map(type, entries))
        records: Any = [record_of(entry) for entry in entries] if waited_for else entries
        batch = self._batch(writer_id, self._seq + 1, records, acked or waited_for)
        return _Pending(entries, batch)

    def _batch(self, writer_id: UUID, first: int, records: list[Record], acked: bool) -> Batch:
        return Batch(writer_id, first, records, acked, was_ahead=first <= self.ahead.last)

    def _finish(self, pending: _Pending, answer: BatchAnswer) -> None:
        failpoint("journal.before_answers")
        for fence in answer.fenced:
            self.fences[fence.flow_run_id] = fence.reason
        if pending.batch.records is not pending.entries:  # else nobody waits for one of them
            hand_out(pending.entries, answer)
        self.outage.end()
        self._plain = not pending.batch.acked
        seq = pending.batch.first_seq + len(pending.entries) - 1
        if pending is self._returned:
            self._stored = seq
            self._returned = None
            self.spool.remove(seq, all_of_it=self._stored == self._seq)
        else:
            self._seq = self._stored = seq
            self._pending = None

    def _deliver(self, batch: Batch, pending: _Pending | None) -> BatchAnswer | None:
        """Send until there is an answer; None: not now, or not like this."""
        began, delay, waited = self._clock.monotonic(), FIRST_DELAY, 0.0
        patience = self.patience if self.insists or self.outage.error is None else 0.0
        while True:
            try:
                return self._send(batch)
            except (StoreBusy, OSError) as error:
                if max(waited, self._clock.monotonic() - began) >= patience:
                    self.outage.begin(_as_store_error(error))
                    return None
            except StoreError as error:
                self.outage.begin(error)
                return None
            except Exception as error:  # noqa: BLE001 - one bad record must not stop the rest
                self._narrow(pending, error)
                return None
            self._pause(delay)
            waited += delay
            delay = min(delay * 2, LAST_DELAY)

    def _send(self, batch: Batch) -> BatchAnswer:
        failpoint("journal.before_sink")
        answer = self._sink(batch)
        failpoint("journal.after_sink")
        return answer

    def _narrow(self, pending: _Pending | None, error: Exception) -> None:
        """Close in on the record that breaks its batch."""
        if pending is None:  # an empty batch
            self.outage.begin(_as_store_error(error))
        elif len(pending.entries) > 1:
            self._halve(pending)
        else:
            pending.failures += 1
            if pending.failures >= FAILURES:
                self._bury(pending, error)

    def _halve(self, pending: _Pending) -> None:
        """Go on with the first half of a batch; the rest goes back to where it came from."""
        half, batch = len(pending.entries) // 2, pending.batch
        if pending is self._returned:
            records: list[Any] = pending.entries[:half]
            self._returned = _Pending(
                records, self._batch(batch.writer_id, batch.first_seq, records, batch.acked)
            )
            return
        first = self._packed(batch.writer_id, pending.entries[:half], batch.acked)
        rest = pending.entries[half:]
        self._pending = first
        self.buffer[:0] = rest

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

    def _make_do(self, writer_id: UUID) -> None:
        """Let nobody wait for a store that is out of use."""
        if self.outage.error is None:
            return
        self.keep(writer_id)
        self.outage.tell(self.spool)
        if self._pending is not None:
            answer_locally(self._pending.entries)
        answer_locally(self.buffer)
        taken = self._seq + (len(self._pending.entries) if self._pending is not None else 0)
        self.outage.trim(self.buffer, BOUND, self.ahead.count(taken))


def _as_store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    return StoreError(f"{type(error).__name__}: {error}")
