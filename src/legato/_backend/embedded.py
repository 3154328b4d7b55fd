"""The backend without a server: the control functions on the SQLite file of this home."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legato._backend import ownership
from legato._backend.cached_results import CachedResults
from legato._journal.clock import SystemClock
from legato._journal.ids import TimeOrderedIds
from legato._journal.journal import Journal
from legato._journal.random import SystemRandom
from legato._model.errors import StoreError, StoreFull, StoreReadOnly
from legato._model.operations.results import FindCached
from legato._model.records import ResultCached
from legato._store.port import Grade, Lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from legato._backend.spool import Waiting
    from legato._model.operations.spec import Operation
    from legato._model.ports import Clock
    from legato._model.records import Batch, BatchAnswer, Writer
    from legato._model.results import Result
    from legato._settings.home import Home
    from legato._store.port import Store
    from legato._store.spool import SpoolFile
    from legato._store.sqlite import SqliteStore

PRUNE_LOOK_SECONDS = 60.0
PRUNE_SECONDS = 3600.0  # by any of the processes of a home
_RETIRED = "This home was closed when its test ended."


class EmbeddedBackend:
    """Records into the database of `home`; the database is opened at the first use.

    `on_commit` is told of every batch of this process that was stored, by the thread that stored
    it. Survives a fork: the child is a new writer with its own connections. `is_child`: who takes
    the results of this process may end it at any moment, as a pool ends its workers.
    """

    is_dry = False

    def __init__(self, home: Home, clock: Clock | None = None) -> None:
        self.home = home
        system = SystemClock()
        self.clock: Clock = clock or system  # by which runs are stamped; outages last real time
        self.ids = TimeOrderedIds()
        self.random = SystemRandom()
        self.journal = Journal(
            self._receive, self._introduce, system, home.database, spool=self._open_spool
        )
        self.on_commit: Callable[[Batch], None] | None = None
        self.is_child = is_pool_child()
        self.heard: list[Waiting] = []
        self._awaited: dict[str, Callable[[], object]] = {}
        self._cached = CachedResults()
        self._opening = threading.Lock()
        self._store: SqliteStore | None = None
        self._retired = False
        self._look: Callable[[], object] | None = None
        self._holding = False
        self._forking = False
        self._prepared = False
        self._prune_at = 0.0
        self._prunes = False
        """Whether a pruning was asked for that has not been done."""
        self._in_pool_child = False

    @property
    def store(self) -> Store:
        """The database; opens it and closes the runs of dead processes at the first use."""
        if self._store is None:
            with self._opening:
                if self._store is None:
                    self._store = self._open()
        return self._store

    def send(self, operation: Operation) -> Any:
        """Carry out an operation on what is committed, this process's own records included."""
        from legato._control.registry import handler_of

        handle = handler_of(operation)
        hurries = operation.spec.lane == "leases"
        if not (hurries or operation.spec.at_once):
            self.journal.flush()
        now = self.clock.now()
        if operation.spec.access == "read":
            return self.store.read(lambda tx: handle(tx, now, operation))
        if hurries:  # who holds a lease does not outlive the power either
            return self.store.run(lambda tx: handle(tx, now, operation), Lane.LEASES, Grade.PLAIN)
        return self.store.run(lambda tx: handle(tx, now, operation))

    def identity(self) -> Writer:
        """Return who this process is, and hold its owner file from now on."""
        _ = self.store
        writer = self.journal.writer
        if not self._holding:
            self._hold(writer)
        return writer

    def changes(self) -> object:
        """Return what is another value once anybody has committed to the database."""
        _ = self.store
        assert self._look is not None  # noqa: S101 - set when the store was opened
        return self._look()

    def sweep(self) -> None:
        """Close what dead processes hold, and end leases of which nobody here knows better."""
        owners, now = Path(self.home.owners()), self.clock.now()
        with contextlib.suppress(StoreError):
            ownership.sweep(self.store, owners, now)
            ownership.reap(self.store, owners, now)

    def storage(self) -> str:
        """Return the folder for stored results."""
        return self.home.storage()

    def flights(self) -> str:
        """Return the file on whose bytes processes lock the cache keys that they compute."""
        return self.home.flights

    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""
        changes = self.changes()
        known = self._cached.find(cache_key, changes, self.clock.now())
        if known is None:
            known = self.send(FindCached(cache_key=cache_key))
            if known is not None:
                self._cached.note(cache_key, changes, known)
        return known

    def enter_cached(self, record: ResultCached, stored: Callable[[], object]) -> None:
        """Add a fact; call `stored` as soon as others can see it."""
        self._awaited[record.cache_key] = stored
        self.journal.append(record)

    def send_spool(self, *, anywhere: bool = False) -> list[Waiting]:
        """Deliver all that dead processes left in the spool, then close what they left open.

        Returns what became of each file, those included that opening the home delivered.
        """
        from legato._backend import spool

        store = self.store
        found = [*self.heard, *spool.deliver(store, self.home, self.clock, anywhere=anywhere)]
        ownership.sweep(store, Path(self.home.owners()), self.clock.now(), self.spoolers)
        return spool.summed(found)

    def survey_spool(self) -> list[Waiting]:
        """Return what waits in the spool; changes nothing, and needs no database."""
        from legato._backend import spool

        return spool.survey(self.home, self.clock)

    def close_own_runs(self, message: str) -> bool:
        """Close what this process runs as Crashed, from outside of the runs.

        False: something waits in the spool; whoever delivers that closes what is open then.
        """
        from legato._control.attempts import close_dead

        self.journal.flush()
        if self.journal.spooled[0]:
            return False
        writer, now = self.journal.writer, self.clock.now()
        self.store.run(lambda tx: close_dead(tx, now, [writer], message))
        return True

    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Close as Crashed what threads still do for a flow run that has ended."""
        from legato._control.attempts import close_rest

        self.journal.flush()
        now = self.clock.now()
        self.store.run(lambda tx: close_rest(tx, now, flow_run_id, message))

    def halt(self) -> None:
        """Let no thread go on that records: the process ends now."""
        self.journal.halt()

    def abandon(self) -> None:
        """Put in the spool what was not stored in time, and say so: the process ends now."""
        self.journal.abandon()

    def close(self, timeout: float) -> None:
        """Commit what is left within about `timeout` seconds, and stop owning."""
        self.journal.close(timeout)
        if self._holding and not (self.journal.abandoned or self.journal.spooled[0]):
            if self._prunes:  # a short program, where nobody had the leisure for it
                with contextlib.suppress(StoreError, OSError):
                    self.prune()
            ownership.let_go(self.journal.writer.id)

    def retire(self, timeout: float) -> None:
        """Close for good: commit what is left, give up files and locks, take nothing any more."""
        self.close(timeout)
        with self._opening:
            self._retired = True
            store, self._store = self._store, None
        if store is not None:
            store.retire()
        if self._holding:
            ownership.release(self.journal.writer.id)

    def _open(self) -> SqliteStore:
        if self._retired:
            raise StoreError(_RETIRED)
        from legato._store.sqlite import SqliteStore

        store = SqliteStore(Path(self.home.database))
        self._look = store.changes
        # whoever can write will sweep; reading goes on
        with contextlib.suppress(StoreError):
            self._hear_the_dead(store)
        return store

    def _hear_the_dead(self, store: Store) -> None:
        """Deliver what dead processes left in the spool, then close what they left open."""
        owners = Path(self.home.owners())
        if self._spool_waits():
            from legato._backend import spool

            self.heard += spool.deliver(
                store, self.home, self.clock, budget_seconds=spool.BUDGET_SECONDS
            )
        ownership.sweep(store, owners, self.clock.now(), self.spoolers)

    def _spool_waits(self) -> bool:
        try:
            return any(name.endswith(".db") for name in os.listdir(self.home.spool_folder))
        except OSError:
            return False

    def spoolers(self) -> set[UUID]:
        """Return the writers of which something waits in the spool of this home."""
        if not self._spool_waits():
            return set()
        from legato._backend import spool

        return {found for path in spool.files(self.home) if (found := spool.writer_id(path))}

    def _open_spool(self) -> SpoolFile:
        if self._retired:
            raise StoreError(_RETIRED)
        from legato._store.spool import SUFFIX, SpoolFile

        writer = self.journal.writer
        if not self._holding:  # who is not seen to live would have it delivered by others
            self._hold(writer)
        path = os.path.join(self.home.spool(), writer.id.hex + SUFFIX)
        return SpoolFile(path, writer, self.home.spool_max_bytes)

    def _introduce(self) -> Writer:
        return ownership.introduce(self.ids.new(), self.clock.now())

    def _receive(self, batch: Batch) -> BatchAnswer:
        """The journal's sink."""
        from legato._control.journal import Delivery

        store, writer = self.store, self.journal.writer
        if not self._holding:
            self._hold(writer)
        grade = Grade.ACKED if batch.acked else Grade.PLAIN
        lane = Lane.PROPOSALS if batch.acked else Lane.FACTS
        answer = store.run(Delivery(self.clock.now(), batch, writer), lane, grade)
        if (chore := store.upkeep() or self._pruning()) is not None:
            self.journal.spare(chore)
        if self._awaited:
            self._call_for(batch)
        if self.on_commit is not None:
            with contextlib.suppress(Exception):  # it was stored, whatever the onlooker says
                self.on_commit(batch)
        return answer

    def _pruning(self) -> Callable[[], None] | None:
        """Return the pruning of the home if it is due; this looks once a minute."""
        if (now := time.monotonic()) < self._prune_at:
            return None
        self._prune_at = now + PRUNE_LOOK_SECONDS
        try:
            if time.time() - os.stat(self.home.pruned).st_mtime < PRUNE_SECONDS:
                return None
        except OSError:
            from legato._backend import pruning

            pruning.mark(self.home)  # a new home, where there is nothing
            return None
        self._prunes = True
        return self.prune

    def prune(self) -> None:
        """Remove what nothing needs any more, for some 50 ms."""
        from legato._backend import pruning

        pruning.prune(self.store, self.home, self.clock.now())
        self._prunes = False

    def _call_for(self, batch: Batch) -> None:
        for record in batch.records:
            if isinstance(record, ResultCached):
                stored = self._awaited.pop(record.cache_key, None)
                if stored is not None:
                    stored()

    def _hold(self, writer: Writer) -> None:
        try:
            ownership.hold(Path(self.home.owners()), writer)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise (StoreFull if full else StoreReadOnly)(
                f"{self.home.root}: {error.strerror}."
            ) from error
        self._holding = True

    def before_fork(self) -> None:
        """Commit what is buffered and close the connections."""
        self._watch_pool_children()
        self.journal.before_fork()
        self._opening.acquire()
        self._forking = True
        if self._store is not None:
            # a reader that does not end: the child forgets its connection all the same
            with contextlib.suppress(StoreError):
                self._store.prepare_fork()
                self._prepared = True

    def after_in_parent(self) -> None:
        """Go on."""
        if self._store is not None and self._prepared:
            self._prepared = False
            self._store.resume_fork()
        if self._forking:
            self._forking = False
            self._opening.release()
        self.journal.after_in_parent()

    def after_in_child(self) -> None:
        """Become another writer; nothing that the parent holds is ours."""
        self._opening = threading.Lock()
        self._holding = self._forking = self._prepared = self._prunes = False
        self.is_child = True
        self._awaited, self._cached = {}, CachedResults()
        self.ids.reseed()
        if self._store is not None:
            self._store.forget()
        self.journal.after_in_child()

    def _watch_pool_children(self) -> None:
        """Have children of multiprocessing flush: they end by os._exit, without atexit."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._in_pool_child:
            self._in_pool_child = True
            util.register_after_fork(self, EmbeddedBackend.flush_at_end_of_pool_child)

    def flush_at_end_of_pool_child(self) -> None:
        """Let multiprocessing flush when it ends this child."""
        util = sys.modules["multiprocessing.util"]
        util.Finalize(None, self.close, args=(10.0,), exitpriority=100)


def is_pool_child() -> bool:
    """Tell whether multiprocessing started this process, by fork or anew."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None
