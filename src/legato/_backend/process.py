"""What a process that records has, wherever its records go: journal, owner's lock, spool, forks."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legato._backend import ownership
from legato._backend.port import Flights, Watch
from legato._journal.clock import SystemClock
from legato._journal.ids import TimeOrderedIds
from legato._journal.journal import Journal
from legato._journal.random import SystemRandom
from legato._model.errors import StoreError, StoreFull, StoreReadOnly
from legato._model.records import ResultCached
from legato._model.results import INLINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from legato._backend.port import Asend
    from legato._backend.spool import Waiting
    from legato._client.streams import Streams
    from legato._model.operations.spec import Operation
    from legato._model.ports import Clock
    from legato._model.records import Batch, BatchAnswer, Writer
    from legato._model.results import Result
    from legato._settings.home import Home
    from legato._store.spool import SpoolFile

_RETIRED = "This home was closed when its test ended."


class ProcessBackend(ABC):
    """Records in the name of this process; `home` holds its owner's lock and its spool.

    `place` names in messages where the records go. `on_commit` is told of every batch of this
    process that was stored, by the thread that stored it. Survives a fork: the child is a new
    writer with its own connections. `is_child`: who takes the results of this process may end it at
    any moment, as a pool ends its workers.
    """

    is_dry = False
    row_limit = INLINE_LIMIT

    def __init__(
        self,
        home: Home,
        place: str,
        clock: Clock | None = None,
    ) -> None:
        self.home = home
        system = SystemClock()
        self.clock: Clock = clock or system  # by which runs are stamped; outages last real time
        self.ids = TimeOrderedIds()
        self.random = SystemRandom()
        self.journal = Journal(
            self._receive, self._introduce, system, place, spool=self._open_spool
        )
        self.on_commit: Callable[[Batch], None] | None = None
        self.is_child = is_pool_child()
        self.heard: list[Waiting] = []
        self._awaited: dict[str, Callable[[], object]] = {}
        self._opening = threading.Lock()
        self._retired = False
        self._holding = False
        self._forking = False
        self._in_pool_child = False
        self._forerunners: list[str] = []
        """Files in the spool of those that forked this process, whose records go before its own."""

    @abstractmethod
    def _open(self) -> None:
        """Make ready what takes the records, unless it is; raise StoreError if it cannot be had."""

    @abstractmethod
    def _store_batch(self, batch: Batch) -> BatchAnswer:
        """Bring a batch to where the records go."""

    @abstractmethod
    def send(self, operation: Operation) -> Any:
        """Carry out an operation on what is committed, this process's own records included."""

    @abstractmethod
    def changes(self) -> object:
        """Return what is another value once anybody has committed."""

    @property
    def asend(self) -> Asend | None:
        """How an operation is carried out on an event loop; None: by `send`, on a thread."""
        return None

    def streams(self) -> Streams | None:
        """Return the streams of the server that records; None: there is none."""
        return None

    @abstractmethod
    def sweep(self) -> None:
        """Close what dead processes hold."""

    @abstractmethod
    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""

    @abstractmethod
    def close_own_runs(self, message: str) -> bool:
        """Close what this process runs as Crashed, from outside of the runs.

        False: something waits in the spool; whoever delivers that closes what is open then.
        """

    @abstractmethod
    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Close as Crashed what threads still do for a flow run that has ended."""

    @abstractmethod
    def limit(self, flow_run_id: UUID, seconds: float) -> None:
        """Have a run ended from outside if it takes much longer than so many seconds from now."""

    @abstractmethod
    def send_spool(self, *, anywhere: bool = False) -> list[Waiting]:
        """Deliver all that dead processes left in the spool; return what became of each file.

        Those files are among them that were delivered when this was opened.
        """

    def identity(self) -> Writer:
        """Return who this process is, and hold its owner file from now on."""
        self._open()
        writer = self.journal.writer
        if not self._holding:
            self._hold(writer)
        return writer

    def storage(self) -> str:
        """Return the folder for stored results."""
        return self.home.storage()

    def flights(self) -> Flights:
        """Return where it is settled which process makes what a cache key stands for."""
        return Flights(self.home.flights)

    def watch(self, what: UUID | str) -> Watch:
        """Return what tells when to ask for a grant of slots, or a cache key, again."""
        return Watch(self.changes)

    def enter_cached(self, record: ResultCached, stored: Callable[[], object]) -> None:
        """Add a fact; call `stored` as soon as others can see it."""
        self._awaited[record.cache_key] = stored
        self.journal.append(record)

    def survey_spool(self) -> list[Waiting]:
        """Return what waits in the spool; changes nothing, and needs no database."""
        from legato._backend import spool

        return spool.survey(self.home, self.clock)

    def spoolers(self) -> set[UUID]:
        """Return the writers of which something waits in the spool."""
        if not self._spool_waits():
            return set()
        from legato._backend import spool

        return {found for path in spool.files(self.home) if (found := spool.writer_id(path))}

    def _spool_waits(self) -> bool:
        try:
            return any(name.endswith(".db") for name in os.listdir(self.home.spool_folder))
        except OSError:
            return False

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
            self._at_leisure()
            ownership.let_go(self.journal.writer.id)

    @abstractmethod
    def _at_leisure(self) -> None:
        """Do what nobody had the leisure for, as the process ends."""

    def retire(self, timeout: float) -> None:
        """Close for good: commit what is left, give up files and locks, take nothing any more."""
        self.close(timeout)
        with self._opening:
            self._retired = True
            self._give_up()
        if self._holding:
            ownership.release(self.journal.writer.id)

    @abstractmethod
    def _give_up(self) -> None:
        """Give up connections, for good."""

    def _open_spool(self) -> SpoolFile:
        self._refuse_retired()
        from legato._store.spool import SUFFIX

        writer = self.journal.writer
        if not self._holding:  # who is not seen to live would have it delivered by others
            self._hold(writer)
        return self._spool_file(os.path.join(self.home.spool(), writer.id.hex + SUFFIX), writer)

    def _spool_file(self, path: str, writer: Writer) -> SpoolFile:
        """Return the file for the records of a writer."""
        from legato._store.spool import SpoolFile

        return SpoolFile(path, writer, self.home.spool_max_bytes)

    def _refuse_retired(self) -> None:
        if self._retired:
            raise StoreError(_RETIRED)

    def _introduce(self) -> Writer:
        return ownership.introduce(self.ids.new(), self.clock.now())

    def _receive(self, batch: Batch) -> BatchAnswer:
        """The journal's sink."""
        self._open()
        if not self._holding:
            self._hold(self.journal.writer)
        if self._forerunners:
            self._let_go_first()
        answer = self._store_batch(batch)
        if self._awaited:
            self._call_for(batch)
        if self.on_commit is not None:
            with contextlib.suppress(Exception):  # it was stored, whatever the onlooker says
                self.on_commit(batch)
        return answer

    def _let_go_first(self) -> None:
        """Raise StoreError while what this process builds on waits in the spool of its parents.

        Before a flow run is known, records of its tasks would be put aside.
        """
        from legato._backend import spool

        owners = Path(self.home.owners())
        for path in filter(os.path.exists, self._forerunners):
            writer_id = spool.writer_id(path)
            if writer_id is not None and ownership.owns(writer_id, owners):
                raise StoreError(f"{path} of the process that forked this one goes first.")
            self.send_spool()
        self._forerunners = []

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

    def after_in_parent(self) -> None:
        """Go on."""
        if self._forking:
            self._forking = False
            self._opening.release()
        self.journal.after_in_parent()

    def after_in_child(self) -> None:
        """Become another writer; nothing that the parent holds is ours."""
        self._opening = threading.Lock()
        self._holding = self._forking = False
        self.is_child = True
        self._awaited = {}
        self.ids.reseed()
        waiting, path = self.journal.spooled
        if waiting:
            self._forerunners.append(path)
        self.journal.after_in_child()

    def _watch_pool_children(self) -> None:
        """Have children of multiprocessing flush: they end by os._exit, without atexit."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._in_pool_child:
            self._in_pool_child = True
            util.register_after_fork(self, ProcessBackend.flush_at_end_of_pool_child)

    def flush_at_end_of_pool_child(self) -> None:
        """Let multiprocessing flush when it ends this child."""
        util = sys.modules["multiprocessing.util"]
        util.Finalize(None, self.close, args=(10.0,), exitpriority=100)


def is_pool_child() -> bool:
    """Tell whether multiprocessing started this process, by fork or anew."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None
