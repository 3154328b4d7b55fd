"""The pipe from a worker to the process of the flow, and the backend that records through it."""

from __future__ import annotations

import os
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from legato._backend.port import Flights, Watch
from legato._journal.clock import SystemClock
from legato._journal.ids import TimeOrderedIds
from legato._journal.random import SystemRandom
from legato._model.operations.results import FindCached
from legato._model.results import INLINE_LIMIT
from legato._sdk.wire import hang_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from uuid import UUID

    from legato._model.operations.spec import Operation
    from legato._model.records import Answer, Record, ResultCached, Writer
    from legato._model.results import Result

_LOST = "The connection to the process of the flow is lost."


class Pipe:
    """The pipe to the process of the flow; `on_loss` is called when that is gone."""

    def __init__(self, connection: Connection, on_loss: Callable[[], object]) -> None:
        self._connection = connection
        self._sending, self._asking = Lock(), Lock()
        self._answers: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        self.on_loss = on_loss
        self.lost = False
        self.jobs: SimpleQueue[tuple[bytes, bytes]] = SimpleQueue()
        Thread(target=self._listen, name="pipe", daemon=True).start()

    def tell(self, *message: Any) -> None:
        """Send a message; raise OSError once the process of the flow is gone."""
        with self._sending:
            if self.lost:
                raise ConnectionError(_LOST)
            self._connection.send(message)

    def ask(self, *question: Any) -> Any:
        """Send a question; return the answer, or raise what it raised there."""
        with self._asking:
            self.tell(*question)
            fine, answer = self._answers.get()
        if not fine:
            raise answer
        return answer

    def close(self) -> None:
        """Let the process of the flow know that nobody speaks here any more."""
        hang_up(self._connection)

    def _listen(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                (self._answers if isinstance(message[0], bool) else self.jobs).put(message)
        except (EOFError, OSError):
            self.lost = True
            self._answers.put((False, ConnectionError(_LOST)))  # to whom waits for one
            with self._sending:
                self._connection.close()
            self.on_loss()


class PipeJournal:
    """Stands for the journal of the process of the flow; in a forked child, for its own."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._pid = os.getpid()

    def append(self, record: Record) -> None:
        """Add a fact."""
        if os.getpid() == self._pid:
            self._pipe.tell("record", record)
        else:
            _own_journal().append(record)

    hold = append

    def propose(self, *records: Record) -> list[Answer]:
        """Add records in order; return the answers of the proposals."""
        if os.getpid() == self._pid:
            asked: list[Answer] = self._pipe.ask("propose", *records)
            return asked
        return list(_own_journal().propose(*records))

    def lull(self) -> None:
        """Nothing piles up here."""

    def flush(self, acked: bool = False) -> None:
        """Return when all that was added before is committed."""
        if os.getpid() == self._pid:
            self._pipe.ask("flush", acked)
        else:
            _own_journal().flush(acked)

    def keep_ahead(self, flow_run_id: UUID, epoch: int) -> bool:
        """Leave it to `flush`."""
        return False

    def fenced(self, flow_run_id: UUID) -> None:
        """Leave it to the process of the flow."""

    def own(self, flow_run_id: UUID) -> None:
        """Leave it to the process of the flow."""


def _own_journal() -> Any:
    from legato._backend.current import current as own_backend

    return own_backend().journal


class PipeBackend:
    """Records and asks through the process of the flow."""

    is_child = False
    """What is recorded leaves this process at once."""
    is_dry = False

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.journal: Any = PipeJournal(pipe)
        self.clock = SystemClock()
        self.ids = TimeOrderedIds()
        self.random = SystemRandom()
        self.folder, self.places = "", Flights("")
        self.row_limit = INLINE_LIMIT

    def send(self, operation: Operation) -> Any:
        """Carry out an operation."""
        return self.pipe.ask("send", operation)

    def identity(self) -> Writer:
        """Return the process of the flow: it owns what is held here, and dies with us."""
        owner: Writer = self.pipe.ask("identity")
        return owner

    def changes(self) -> object:
        """Return what is another value once anybody has committed."""
        return self.pipe.ask("changes")

    def streams(self) -> None:
        """Nothing is followed from here but by looking."""

    def sweep(self) -> None:
        """Close what dead processes hold."""
        self.pipe.ask("sweep")

    def storage(self) -> str:
        """Return the folder for stored results."""
        return self.folder

    def flights(self) -> Flights:
        """Return where it is settled which process makes what a cache key stands for."""
        return self.places

    def watch(self, what: UUID | str) -> Watch:
        """Return what tells when to ask for a grant of slots, or a cache key, again."""
        return Watch(self.changes)

    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""
        found: Result | None = self.send(FindCached(cache_key=cache_key))
        return found

    def enter_cached(self, record: ResultCached, stored: Callable[[], object]) -> None:
        """Add a fact; call `stored` as soon as others can see it."""
        self.journal.append(record)
        self.journal.flush()
        stored()

    def close_own_runs(self, message: str) -> bool:
        """Leave it to the process of the flow."""
        return True

    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Leave it to the process of the flow."""

    def limit(self, flow_run_id: UUID, seconds: float) -> None:
        """Leave it to the process of the flow."""

    def halt(self) -> None:
        """Leave it to the process of the flow."""

    def abandon(self) -> None:
        """Leave it to the process of the flow."""

    def close(self, timeout: float) -> None:
        """Leave it to the process of the flow."""
