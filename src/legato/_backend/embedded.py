"""The backend without a server: the control functions on the SQLite file of this home."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legato._backend import ownership
from legato._backend.cached_results import CachedResults
from legato._backend.process import ProcessBackend
from legato._model.errors import StoreError
from legato._model.operations.results import FindCached
from legato._model.zones import settled
from legato._store.port import Grade, Lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from legato._backend.spool import Waiting
    from legato._model.operations.spec import Operation
    from legato._model.ports import Clock
    from legato._model.records import Ahead, Batch, BatchAnswer
    from legato._model.results import Result
    from legato._settings.home import Home
    from legato._store.port import Store, Transaction
    from legato._store.sqlite import SqliteStore

PRUNE_LOOK_SECONDS = 60.0
PRUNE_SECONDS = 3600.0  # by any of the processes of a home


class EmbeddedBackend(ProcessBackend):
    """Records into the database of `home`; the database is opened at the first use."""

    def __init__(self, home: Home, clock: Clock | None = None) -> None:
        super().__init__(home, home.database, clock)
        self.journal.keep_with(self._keep)
        self._cached = CachedResults()
        self._store: SqliteStore | None = None
        self._look: Callable[[], object] | None = None
        self._prepared = False
        self._prune_at = 0.0
        self._prunes = False
        """Whether a pruning was asked for that has not been done."""

    @property
    def store(self) -> Store:
        """The database; opens it and closes the runs of dead processes at the first use."""
        if self._store is None:
            with self._opening:
                if self._store is None:
                    self._store = self._opened()
        return self._store

    def _open(self) -> None:
        _ = self.store

    def send(self, operation: Operation) -> Any:
        """Carry out an operation on what is committed, this process's own records included."""
        from legato._control.registry import clearing, follower_of, handler_of

        operation = settled(operation)
        hurries = operation.spec.lane == "leases"
        if not (hurries or operation.spec.at_once):
            self.journal.flush()
        now, follow = self.clock.now(), follower_of(operation)
        if follow is not None:
            return follow(self.store, now, operation)
        handle = handler_of(operation)
        if operation.spec.access == "read":
            return self.store.read(lambda tx: handle(tx, now, operation))
        if hurries:  # who holds a lease does not outlive the power either
            return self.store.run(lambda tx: handle(tx, now, operation), Lane.LEASES, Grade.PLAIN)
        for _ in clearing(self.store, now, operation):
            pass
        return self.store.run(lambda tx: handle(tx, now, operation))

    def changes(self) -> object:
        """Return what is another value once anybody has committed to the database."""
        _ = self.store
        assert self._look is not None  # noqa: S101 - set when the store was opened
        return self._look()

    def limit(self, flow_run_id: UUID, seconds: float) -> None:
        """Leave timeouts to the process itself."""

    def sweep(self) -> None:
        """Close what dead processes hold, and end leases of which nobody here knows better."""
        owners, now = Path(self.home.owners()), self.clock.now()
        with contextlib.suppress(StoreError):
            ownership.sweep(self.store, owners, now, self._spared)
            ownership.reap(self.store, owners, now)

    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""
        changes = self.changes()
        known = self._cached.find(cache_key, changes, self.clock.now())
        if known is None:
            known = self.send(FindCached(cache_key=cache_key))
            if known is not None:
                self._cached.note(cache_key, changes, known)
        return known

    def send_spool(self, *, anywhere: bool = False) -> list[Waiting]:
        """Deliver all that dead processes left in the spool, then close what they left open.

        Returns what became of each file, those included that opening the home delivered.
        """
        from legato._backend import spool

        store = self.store
        taker = spool.OfStore(store, self.clock)
        found = [*self.heard, *spool.deliver(taker, self.home, self.clock, anywhere=anywhere)]
        ownership.sweep(store, Path(self.home.owners()), self.clock.now(), self._spared)
        return spool.summed(found)

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

    def _at_leisure(self) -> None:
        if self._prunes:  # a short program, where nobody had the leisure for it
            with contextlib.suppress(StoreError, OSError):
                self.prune()

    def _give_up(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.retire()

    def _opened(self) -> SqliteStore:
        self._refuse_retired()
        from legato._store.sqlite import SqliteStore

        store = SqliteStore(Path(self.home.database), self._take_in)
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
                spool.OfStore(store, self.clock),
                self.home,
                self.clock,
                budget_seconds=spool.BUDGET_SECONDS,
            )
        ownership.sweep(store, owners, self.clock.now(), self._spared)

    def _spared(self) -> set[UUID]:
        """Return the writers that have something to say yet, here or to a server of this home."""
        from legato._backend import spool

        return spool.spoolers(self.home)

    def _take_in(self, tx: Transaction) -> None:
        """Make rows of what processes have written ahead, dead ones and others."""
        from legato._control import ahead

        ahead.take_in(tx, self.clock.now())

    def _keep(self, records: Ahead) -> bool:
        from legato._control.ahead import Keeping

        return self.store.run(Keeping(records), Lane.PROPOSALS, Grade.ACKED)

    def _store_batch(self, batch: Batch) -> BatchAnswer:
        from legato._control.journal import Delivery

        store = self.store
        grade = Grade.ACKED if batch.acked else Grade.PLAIN
        lane = Lane.PROPOSALS if batch.acked else Lane.FACTS
        answer = store.run(Delivery(self.clock.now(), batch, self.journal.writer), lane, grade)
        if (chore := store.upkeep() or self._pruning()) is not None:
            self.journal.spare(chore)
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

    def before_fork(self) -> None:
        """Commit what is buffered and close the connections."""
        super().before_fork()
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
        super().after_in_parent()

    def after_in_child(self) -> None:
        """Become another writer; nothing that the parent holds is ours."""
        self._prepared = self._prunes = False
        self._cached = CachedResults()
        if self._store is not None:
            self._store.forget()
        super().after_in_child()
