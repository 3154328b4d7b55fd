"""What a process writes: facts are buffered, proposals wait for their answer.

`append` costs a list append. Records are numbered and committed by whoever holds the *turn*: a
thread that waits (`propose`, `flush`), an appending thread when 256 records or 5 ms have piled
up, or the scribe. The turn is a lock, so at most one batch is in flight, and threads that wait
for it find their records committed together by the one before them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from legato._journal.ahead import Attempt, Keep
from legato._journal.drain import BOUND, Drain, Sink
from legato._journal.outage import Outage, waiting
from legato._journal.scribe import Scribe
from legato._journal.spool import Opener, Spool
from legato._journal.tickets import Ticket
from legato._journal.turn import Turn
from legato._model.errors import StoreError
from legato._store.faults import failpoint

if TYPE_CHECKING:
    from legato._model.ports import Clock
    from legato._model.records import Answer, Record, Writer

GROUP = 256
LULL_GROUP = 128  # records that are worth a batch when the moment is good
HELP_SECONDS = 0.005  # how long an appending thread waits for another one's batch
FORK_SECONDS = 5.0
_ROUNDS = 3  # batches that an appending thread moves for others at one go


class Journal:
    """The journal of this process.

    `writer` makes the process's identity, anew in a forked child; `place` names the database in
    messages; `pause` sleeps; `spool` gives the file for records that the sink does not take.
    """

    def __init__(
        self,
        sink: Sink,
        writer: Callable[[], Writer],
        clock: Clock,
        place: str = "the database",
        pause: Callable[[float], None] = time.sleep,
        spool: Opener | None = None,
    ) -> None:
        self._sink = sink
        self._make_writer = writer
        self._clock = clock
        self._place = place
        self._pause = pause
        self._open_spool = spool
        self._keep: Keep | None = None
        self._patience_seconds: float | None = None
        self._begin()

    def _begin(self) -> None:
        """Start with nothing: new locks, no records, no thread, no writer yet."""
        self._turn = Turn()
        self._writer: Writer | None = None
        self._outage = Outage(self._place, self._clock.monotonic)
        self._spool = Spool(self._open_spool, self._outage, self._clock.monotonic)
        self._drain = Drain(self._sink, self._clock, self._outage, self._spool, self._pause)
        self._drain.ahead.keep = self._keep
        if self._patience_seconds is not None:
            self._drain.patience = self._patience_seconds
        self._buffer = self._drain.buffer
        self._scribe = Scribe(
            self._has_backlog,
            self._help,
            self._drain.rest_seconds,
            self._at_leisure,
            self._drain.age,
        )
        self._bells = self._scribe.bells
        self._mark = GROUP
        self._closed = False
        self._halted = False
        self.abandoned: bool = False
        """Whether nothing more is to be done for the records, as the process ends."""

    @property
    def writer(self) -> Writer:
        """Who writes: this process since it started or was forked."""
        if self._writer is None:
            self._writer = self._make_writer()
        return self._writer

    def wait_at_most(self, seconds: float) -> None:
        """Wait so long for a store that is in use; what comes then goes to the spool."""
        self._patience_seconds = self._drain.patience = seconds

    @property
    def unrecorded(self) -> int:
        """How many records were lost, or are in memory only although there is no more hope."""
        hopeless = self._outage.error is not None or self._closed
        left = self._drain.in_memory if hopeless and not self.abandoned else 0
        return self._outage.lost_logs + self._outage.lost_facts + left

    @property
    def failure(self) -> Exception | None:
        """The error for which nothing is recorded at present."""
        return self._outage.error

    @property
    def spooled(self) -> tuple[int, str]:
        """How many records wait in the spool, and in which file."""
        return self._drain.spooled, self._spool.path or ""

    @property
    def is_idle(self) -> bool:
        """Tell whether there is nothing to flush."""
        return self._drain.empty

    def fenced(self, flow_run_id: UUID) -> str | None:
        """Return why this process no longer owns the run; None if it does."""
        return self._drain.fences.get(flow_run_id)

    def own(self, flow_run_id: UUID) -> None:
        """Note that this process owns a run: it has opened the run's next attempt."""
        self._drain.fences.pop(flow_run_id, None)

    def append(self, record: Record) -> None:
        """Add a fact; it is committed within milliseconds."""
        buffer = self._buffer
        buffer.append(record)
        if self._bells or self._scribe.due or len(buffer) >= self._mark:
            self._nudge()

    def hold(self, record: Record) -> None:
        """Add a fact that `keep_ahead` is about to keep: no batch takes it before, if it can be."""
        self._buffer.append(record)
        if self._bells:
            self._scribe.ring()

    def lull(self) -> None:
        """Commit what has piled up: at this moment most runs in it have ended.

        A run that begins in one batch and ends in another is written twice.
        """
        if len(self._buffer) >= LULL_GROUP:
            self._help(1)

    def propose(self, *records: Record) -> list[Answer]:
        """Add `records` in order, wait for their full commit; return the proposals' answers."""
        tickets = [Ticket(record) for record in records]
        if not tickets:
            return []
        self._refuse_reentry()
        if self._halted:
            _wait_for_the_end()
        self._buffer.extend(tickets)
        self._turn.during(lambda: self._wait_for(tickets[-1]))
        return [ticket.answer for ticket in tickets if ticket.answer is not None]

    def spare(self, chore: Callable[[], None]) -> None:
        """Have the scribe do something that no caller need wait for."""
        self._scribe.ask(chore)

    def flush(self, acked: bool = False) -> None:
        """Return when all that was appended before is committed, or cannot be.

        `acked`: and survives a power cut.
        """
        if self._drain.empty and not acked:
            return
        self._refuse_reentry()
        self._turn.during(lambda: self._flush(acked))

    def keep_with(self, keep: Keep) -> None:
        """Have records kept by `keep` ahead of their batch, where that is asked for."""
        self._keep = self._drain.ahead.keep = keep

    def keep_ahead(self, flow_run_id: UUID, epoch: int) -> bool:
        """Have all that was added before survive a power cut, before it becomes rows.

        That is done only for the attempt that holds a run. False: it was not; `flush` then.
        A batch that is due comes after that: a step which it took would wait for its full sync.
        """
        if self._keep is None:
            return False
        self._refuse_reentry()
        attempt = Attempt(self.writer.id, flow_run_id, epoch)
        kept: list[bool] = []
        self._turn.during(lambda: kept.append(self._drain.keep_ahead(attempt)))
        if kept != [True]:
            return False
        self._nudge()
        return True

    def keep_here(self) -> bool:
        """Put what the store does not take into the spool, so that it survives a power cut.

        False: it could not be.
        """
        self._refuse_reentry()
        kept: list[bool] = []
        self._turn.during(lambda: kept.append(self._drain.keep_here(self.writer.id)))
        return kept == [True]

    def _flush(self, acked: bool) -> None:
        self._settle(self._drain.backlog, acked)
        if acked:
            self._drain.harden(self.writer.id)

    def _wait_for(self, last: Ticket) -> None:
        while not last.done:
            if not self._step(acked=False) and self._drain.empty:
                raise RuntimeError("a proposal was neither stored nor answered")

    def close(self, timeout: float) -> None:
        """Commit what is left within about `timeout` seconds; later records go out at once."""
        failpoint("journal.close")
        self._closed = True
        self._scribe.stop()
        self._mark = 1
        if self._drain.empty or self._turn.mine or self.abandoned:
            return
        self._drain.patience, self._drain.insists = timeout, True
        self._turn.during(lambda: self._finish(timeout), timeout)

    def _finish(self, timeout: float) -> None:
        try:
            self._outage.retry_now()
            self._settle(self._drain.backlog, acked=True, end=self._clock.monotonic() + timeout)
            if self._drain.spooled:
                self._drain.keep(self.writer.id)
        finally:
            self._spool.close()

    def halt(self) -> None:
        """Let no thread go on that records: the process ends now, by another one.

        What is appended from here on may be lost; the user's code does not come to rely on it.
        """
        self._halted = self._closed = True
        self._mark = 1

    def abandon(self) -> None:
        """Put what is in memory into the spool and say so: the process ends now.

        Does not wait for the turn: a thread has it that waits for the store. Should that one go
        on, it gives the same records the same numbers, and the store takes each number once.
        """
        first, records = self._drain.rest()
        path, count = self._spool.path, self._drain.spooled
        if records:
            try:
                path = self._spool.keep_rest(first, records)
            except (StoreError, OSError) as error:
                self._outage.say(f"{len(records)} records could not be stored: {error}")
                return
        self.abandoned = True
        if path is not None and count + len(records):
            self._outage.say(waiting(count + len(records), path))

    def _settle(self, count: int, acked: bool, end: float | None = None) -> None:
        """Bring `count` records to the store; what waits in the spool may stay there at `end`."""
        while count > 0 and not self._drain.empty:
            if end is not None and self._drain.spooled and self._clock.monotonic() >= end:
                return
            moved = self._step(acked)
            count -= moved
            if not moved and self._outage.error is not None:
                return

    def _step(self, acked: bool) -> int:
        return self._drain.step(self.writer.id, acked)

    def _nudge(self) -> None:
        if self._bells:
            self._scribe.ring()
        if self._scribe.due or len(self._buffer) >= self._mark:
            self._scribe.due = False
            self._help()

    def _help(self, rounds: int = _ROUNDS) -> None:
        """Drain on behalf of everybody, unless another thread is at it for long."""
        if self._turn.mine:
            return
        if self._halted:
            _wait_for_the_end()
        self._turn.during(lambda: self._move(rounds), self._patience())
        self._mark = 1 if self._closed else max(GROUP, len(self._buffer) + GROUP)

    def _move(self, rounds: int) -> None:
        """Move what is there now; what comes meanwhile may be about to be kept ahead."""
        left = self._drain.backlog
        for _ in range(rounds):
            moved = self._step(acked=False) if left > 0 else 0
            left -= moved
            if not moved:
                break

    def _patience(self) -> float:
        """How long an appending thread waits for its turn; -1: as long as it takes."""
        if len(self._buffer) >= BOUND and self._outage.error is None:
            return -1
        return 0 if self._scribe.tidies else HELP_SECONDS

    def _at_leisure(self, chore: Callable[[], None]) -> None:
        """Keep the turn meanwhile, so that who appends goes on rather than waits for the store."""
        with suppress(StoreError, OSError):  # it is due again after the next commit
            self._turn.during(chore)

    def _has_backlog(self) -> bool:
        return not self._drain.empty

    def _refuse_reentry(self) -> None:
        # a signal handler or finaliser that came in while this very thread was draining
        if self._turn.mine:
            raise RuntimeError("the journal is at work in this thread already")

    def before_fork(self) -> None:
        """Commit all and keep the turn, so that the child inherits nothing half done."""
        failpoint("journal.before_fork")
        if self._turn.mine or not self._turn.take(FORK_SECONDS):
            return
        patience, self._drain.patience = self._drain.patience, FORK_SECONDS
        try:
            self._settle(self._drain.backlog, acked=False)
        finally:
            self._drain.patience = patience
            self._spool.close()

    def after_in_parent(self) -> None:
        """Go on."""
        failpoint("journal.after_fork_in_parent")
        if self._turn.mine:
            self._turn.end()

    def after_in_child(self) -> None:
        """Start anew: the records belong to the parent, the threads are gone."""
        self._spool.leave_behind()
        self._turn.calm()
        self._begin()
        failpoint("journal.after_fork_in_child")


def _wait_for_the_end() -> NoReturn:
    while True:
        time.sleep(1)
