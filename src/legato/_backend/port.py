"""What the SDK and the command line see of the place where runs are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from legato._client.streams import Streams
    from legato._journal.journal import Journal
    from legato._model.operations.spec import Operation
    from legato._model.ports import Clock, Ids, Random
    from legato._model.records import ResultCached, Writer
    from legato._model.results import Result

    Asend: TypeAlias = Callable[[Operation], Awaitable[Any]]
    """Carries out an operation on an event loop."""


class Flights(NamedTuple):
    """Where it is settled which process makes what a cache key stands for."""

    where: str
    """A file on whose bytes processes lock keys, or the address of a server."""
    has_leases: bool = False
    """Whether it is a server, of which keys are leased."""


class Watch:
    """Tells when it is worth while to ask again for what others have.

    `look` returns what is another value then; it is called often. `close` ends the watch. `every`
    so many seconds one asks anyway.
    """

    def __init__(
        self,
        look: Callable[[], object],
        close: Callable[[], object] | None = None,
        every: float = 1.0,
    ) -> None:
        self.look: Callable[[], object] = look
        self.every: float = every
        self._close = close

    def close(self) -> None:
        """Watch no longer."""
        if self._close is not None:
            self._close()


class Backend(Protocol):
    """Takes what a process records, and answers its questions."""

    is_child: bool
    """Forked, or a worker of a pool: what it recorded must be stored before it hands over."""

    is_dry: bool
    """Records nothing: tasks are not called either."""

    row_limit: int
    """How many bytes of a result are recorded rather than put into a storage."""

    @property
    def journal(self) -> Journal: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def ids(self) -> Ids: ...

    @property
    def random(self) -> Random: ...

    def send(self, operation: Operation) -> Any:
        """Carry out an operation; what was recorded before is seen by it."""
        ...

    def identity(self) -> Writer:
        """Return who this process is, and own from now on what it holds."""
        ...

    def changes(self) -> object:
        """Return what is another value once anybody has committed; cheap enough to be polled."""
        ...

    def streams(self) -> Streams | None:
        """Return the streams of the server that records; None: there is none."""
        ...

    def sweep(self) -> None:
        """Close what dead processes hold."""
        ...

    def storage(self) -> str:
        """Return the folder for stored results."""
        ...

    def flights(self) -> Flights:
        """Return where it is settled which process makes what a cache key stands for."""
        ...

    def watch(self, what: UUID | str) -> Watch:
        """Return what tells when to ask for a grant of slots, or a cache key, again."""
        ...

    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""
        ...

    def enter_cached(self, record: ResultCached, stored: Callable[[], object]) -> None:
        """Add a fact; call `stored` as soon as others can see it."""
        ...

    def close_own_runs(self, message: str) -> bool:
        """Close what this process runs as Crashed, from outside of the runs.

        False: somebody else will, because not everything could be stored.
        """
        ...

    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Close as Crashed what threads still do for a flow run that has ended."""
        ...

    def limit(self, flow_run_id: UUID, seconds: float) -> None:
        """Have a run ended from outside if it takes much longer than so many seconds from now."""
        ...

    def halt(self) -> None:
        """Let no thread go on that records: the process ends now."""
        ...

    def abandon(self) -> None:
        """Put in the spool what was not stored in time, and say so: the process ends now."""
        ...

    def close(self, timeout: float) -> None:
        """Commit what is left within about `timeout` seconds."""
        ...
