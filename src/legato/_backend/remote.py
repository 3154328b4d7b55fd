"""The backend of a process whose runs are recorded by a server.

What the server does not take goes to the spool of the home, in the folder of that server; the same
process delivers it when the server answers again, or another one that records there later.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from legato._backend.keeper import Keeper, Keeping
from legato._backend.port import Flights, Watch
from legato._backend.process import ProcessBackend
from legato._backend.server_side import Server, asked
from legato._client.link import Link, identifying
from legato._client.patience import Patience
from legato._client.routes import route_to
from legato._model.errors import ObjectNotFound, ServerAway, StoreBusy, StoreError
from legato._model.leases import span
from legato._model.operations.attempts import (
    CloseAttempts,
    ListAttempts,
    ListSteps,
    OpenAttempt,
)
from legato._model.operations.flow_runs import ReadFlowRun
from legato._model.operations.results import FindCached
from legato._model.operations.writers import CloseRest
from legato._model.results import SERVED_LIMIT

if TYPE_CHECKING:
    from uuid import UUID

    from legato._backend.lookout import Lookout
    from legato._backend.port import Asend
    from legato._backend.spool import Waiting
    from legato._client.aio import AsyncLink
    from legato._client.streams import Streams
    from legato._model.operations.spec import Operation
    from legato._model.ports import Clock
    from legato._model.records import Batch, BatchAnswer, Writer
    from legato._model.results import Result
    from legato._settings.home import Home
    from legato._settings.table import Settings
    from legato._store.spool import SpoolFile

PATIENCE_SECONDS = 3.0
"""How long a server that does not answer is waited for before the process goes on without it."""
AWAY_SECONDS = 1.0
"""For so long nobody tries again while the journal has no answer either."""
LOOKS_PER_SECOND = 10
_OF_RUNS = (ReadFlowRun, ListAttempts, ListSteps)
"""What is asked first by who goes on with a run that another process has left."""
LEISURE_SECONDS = 2.0
"""How long the end of a process may take for what others have left."""


class RemoteBackend(ProcessBackend):
    """Records through the server whose API is at `url`; connects at the first use."""

    row_limit = SERVED_LIMIT

    def __init__(
        self, home: Home, url: str, settings: Settings, clock: Clock | None = None
    ) -> None:
        there = replace(home, server=folder_of(url))
        super().__init__(there, url, clock)
        self.journal.wait_at_most(PATIENCE_SECONDS)
        self._route = route_to(url, os.environ)
        self.server = Server(Link(self._route, identifying(settings)))
        self._headers = identifying(settings)
        self._token = settings.api_auth_string or settings.api_key
        self._alink: AsyncLink | None = None
        self._away_until = 0.0
        keeping = Keeping(
            url=url,
            headers=self._headers,
            token=self._token,
            ttl=span(settings.lease_seconds).total_seconds(),
            every=settings.lease_renew_seconds,
            grace=settings.cancel_grace_seconds,
        )
        self.keeper = Keeper(keeping, lambda: self.journal.writer.id, self.server.carry_out)
        self._lookout: Lookout | None = None
        self._left_behind: list[object] = []
        self._has_delivered = self._has_caught_up = False
        self._hearing = threading.Lock()

    def _open(self) -> None:
        self._refuse_retired()

    def send(self, operation: Operation) -> Any:
        """Carry out an operation on what is committed, this process's own records included.

        Raises StoreError while the server cannot be had; it is asked again for 3 s, or as it says.
        """
        self._refuse_retired()
        if not (operation.spec.lane == "leases" or operation.spec.at_once):
            self.journal.flush()
        if isinstance(operation, _OF_RUNS) and not self._has_caught_up:
            self._has_caught_up = True
            if self._spool_waits():  # who goes on with a run must see all that it has done
                self._hear_the_dead(None)
        answer = self._carry_out(operation, self._patience(operation))
        self._look_after(operation)
        return answer

    def _look_after(self, operation: Operation) -> None:
        """Have the keeper keep what an operation has begun."""
        if isinstance(operation, OpenAttempt) and operation.parent is None:
            self.keeper.begin(operation.flow_run_id)

    @property
    def asend(self) -> Asend:
        """Return how to carry out an operation on an event loop.

        A thread is needed only for what was recorded before.
        """
        return self._asend

    async def _asend(self, operation: Operation) -> Any:
        import asyncio

        self._refuse_retired()
        if not (operation.spec.lane == "leases" or operation.spec.at_once or self.journal.is_idle):
            await asyncio.to_thread(self.journal.flush)
        patience, key = Patience(self._patience(operation)), self._key(operation)
        while True:
            try:
                answer = await self._async_link().post(*asked(operation, key))
                found = self.server.answer(type(operation), answer)
            except StoreBusy as error:
                pause = self._pause(patience, error)
                if pause is None:
                    raise
            else:
                self._look_after(operation)
                return found
            await asyncio.sleep(pause)

    def _async_link(self) -> AsyncLink:
        if self._alink is None:
            from legato._client.aio import AsyncLink

            self._alink = AsyncLink(self._route, self._headers)
        return self._alink

    def _patience(self, operation: Operation) -> float:
        """Return for how long an operation is sent again; raise ServerAway if nobody need try."""
        failure, spec = self.journal.failure, operation.spec
        if failure is not None and time.monotonic() < self._away_until:
            raise ServerAway(str(failure))
        may_wait = failure is None and (spec.access == "read" or spec.keyed)
        return PATIENCE_SECONDS if may_wait else 0.0

    def _carry_out(self, operation: Operation, seconds: float) -> Any:
        patience, key = Patience(seconds), self._key(operation)
        while True:
            try:
                return self.server.carry_out(operation, key=key)
            except StoreBusy as error:
                pause = self._pause(patience, error)
                if pause is None:
                    raise
            time.sleep(pause)

    def _key(self, operation: Operation) -> str | None:
        return self.ids.new().hex if operation.spec.keyed else None

    def _pause(self, patience: Patience, error: StoreBusy) -> float | None:
        """Return the seconds until the next try; None: there is none."""
        pause = patience.pause(time.monotonic(), error.retry_after)
        if pause is None and isinstance(error, ServerAway):
            self._away_until = time.monotonic() + AWAY_SECONDS
        return pause

    def changes(self) -> object:
        """Return another value ten times a second: so often may somebody ask the server."""
        return int(time.monotonic() * LOOKS_PER_SECOND)

    def flights(self) -> Flights:
        """Return where it is settled which process makes what a cache key stands for."""
        return Flights(self.server.link.url, has_leases=True)

    def watch(self, what: UUID | str) -> Watch:
        """Return what tells when to ask for a grant of slots, or a cache key, again."""
        if self._lookout is None:
            from legato._backend.lookout import Lookout

            self._lookout = Lookout(self.server.carry_out)
        return self._lookout.watch(what)

    def streams(self) -> Streams:
        """Return the streams of the server."""
        from legato._client.streams import Streams

        return Streams(self._route, self._token)

    def sweep(self) -> None:
        """Leave it to the server."""

    def find_cached(self, cache_key: str) -> Result | None:
        """Return what stands for a cache key by what is committed."""
        found: Result | None = self.send(FindCached(cache_key=cache_key))
        return found

    def close_own_runs(self, message: str) -> bool:
        """Close what this process runs as Crashed, from outside of the runs.

        False: something waits in the spool; whoever delivers that closes what is open then.
        """
        self.journal.flush()
        if self.journal.spooled[0]:
            return False
        with contextlib.suppress(ObjectNotFound):  # it has never sent anything
            self._carry_out(CloseAttempts(writer_id=self.journal.writer.id, message=message), 0.0)
        return True

    def close_rest(self, flow_run_id: UUID, message: str) -> None:
        """Close as Crashed what threads still do for a flow run that has ended."""
        self.journal.flush()
        self._carry_out(CloseRest(flow_run_id=flow_run_id, message=message), 0.0)

    def send_spool(self, *, anywhere: bool = False) -> list[Waiting]:
        """Deliver all that dead processes left in the spool; return what became of each file."""
        from legato._backend import spool

        return spool.summed([*self.heard, *self._deliver(None, anywhere=anywhere)])

    def _deliver(self, seconds: float | None, *, anywhere: bool = False) -> list[Waiting]:
        """Deliver what dead processes left in the spool, then close what they left open.

        The server takes who is heard of for alive.
        """
        from legato._backend import spool

        found = spool.deliver(
            self.server, self.home, self.clock, budget_seconds=seconds, anywhere=anywhere
        )
        for seen in found:
            if seen.status == spool.DELIVERED and seen.writer is not None:
                with contextlib.suppress(ObjectNotFound):
                    self.server.carry_out(CloseAttempts(writer_id=seen.writer.id))
        return found

    def _introduce(self) -> Writer:
        return replace(super()._introduce(), lease_seconds=self.keeper.ttl)

    def limit(self, flow_run_id: UUID, seconds: float) -> None:
        """Have a run ended from outside if it takes much longer than so many seconds from now."""
        self.keeper.limit(flow_run_id, seconds)

    def close(self, timeout: float) -> None:
        """Commit what is left within about `timeout` seconds, and stop owning."""
        super().close(timeout)
        self.keeper.close()

    def _store_batch(self, batch: Batch) -> BatchAnswer:
        answer = self.server.take(self.journal.writer, batch)
        self.keeper.follow(batch, answer)
        if not self._has_delivered:
            self._has_delivered = True
            if self._spool_waits():
                self.journal.spare(self._hear_the_dead)
        return answer

    def _hear_the_dead(self, seconds: float | None = 0.0) -> None:
        """Deliver what dead processes left in the spool, for about so many seconds; None: all.

        The scribe may be at it already, and would be ended in it with the process.
        """
        if not self._hearing.acquire(timeout=-1 if seconds is None else seconds):
            return
        try:
            with contextlib.suppress(StoreError):
                self.heard += self._deliver(seconds)
        finally:
            self._hearing.release()

    def _spool_file(self, path: str, writer: Writer) -> SpoolFile:
        from legato._backend.offline import OfflineSpool

        return OfflineSpool(path, writer, self.home.spool_max_bytes)

    def _at_leisure(self) -> None:
        if self._has_delivered and self._spool_waits():
            self._hear_the_dead(LEISURE_SECONDS)

    def _give_up(self) -> None:
        self.server.link.close()

    def after_in_child(self) -> None:
        """Become another writer; nothing that the parent holds is ours."""
        self._left_behind.append(self.server.link.leave_behind())
        self._has_delivered, self._lookout = False, None
        self._hearing = threading.Lock()
        super().after_in_child()


def opened(home: Home, url: str, settings: Settings, clock: Clock | None) -> RemoteBackend | None:
    """Return the backend for a server; None if it may be Prefect's, and is not one of Legato.

    Raises StoreError if no run may begin without the server, and it does not answer.
    """
    from legato._backend import offline

    backend = RemoteBackend(home, url, settings, clock)
    if not offline.may_use(backend.server, home.root, PATIENCE_SECONDS):
        return None
    if settings.offline == "refuse":
        offline.require(backend.server, PATIENCE_SECONDS)
    return backend


def folder_of(url: str) -> str:
    """Return the name of the folder for what waits for a server."""
    parts = urlsplit(url)
    host = "".join(sign if sign.isalnum() or sign in ".-" else "_" for sign in parts.netloc)
    return f"{host.rpartition('@')[2][:60]}-{blake2b(url.encode(), digest_size=4).hexdigest()}"
