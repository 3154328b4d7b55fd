"""Events that clients send over a websocket.

All that waits is written in one transaction, so many events share a commit. The inbox is bounded:
who sends faster than the database takes is not read from meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from logging import getLogger

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from legato._control import events
from legato._control.events import Told
from legato._model.errors import InvalidRequest, StoreError
from legato._model.event_limits import BYTES_MAX
from legato._model.events import EventCreate
from legato._server.control import Control
from legato._server.safety import Access
from legato._server.sockets import opened

_log = getLogger("legato.server")
BATCH = 256
ROOM = 10_000
LARGE = 8192
"""Of larger events one connection has only one on its way, so that the inbox stays small."""
_RETRY_SECONDS = 0.5
_END_SECONDS = 2.0
_BAD_FRAME = 1003
_Item = Told | asyncio.Future[None]


class EventInbox:
    """Events on their way into the database, in the order in which they came."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._waiting: asyncio.Queue[_Item] = asyncio.Queue(ROOM)
        self._unwritten = 0
        """How many have come that are not written."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Take events within the block; at its end all that have come are written.

        A database that cannot be used then is not waited for long.
        """
        writing = asyncio.create_task(self._write())
        try:
            yield
        finally:
            await self._end(writing)

    async def _end(self, writing: asyncio.Task[None]) -> None:
        settling = asyncio.create_task(self.settle())
        both = (settling, writing)
        try:
            await asyncio.wait(both, timeout=_END_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not settling.done():
                _log.error("Events that clients sent were not written, about %d", self._unwritten)
        finally:
            for task in both:
                task.cancel()

    async def put(self, text: str) -> None:
        """Take an event; raise InvalidRequest for one that cannot be read."""
        if len(text) > BYTES_MAX:
            _log.warning("An event of %d characters was dropped, %d are kept", len(text), BYTES_MAX)
            return
        await self._waiting.put(_read(text))
        self._unwritten += 1
        if len(text) > LARGE:
            await self.settle()

    async def settle(self) -> None:
        """Wait until all that has come is written."""
        settled = asyncio.get_running_loop().create_future()
        await self._waiting.put(settled)
        await settled

    async def _write(self) -> None:
        while True:
            items = [await self._waiting.get()]
            while len(items) < BATCH and not self._waiting.empty():
                items.append(self._waiting.get_nowait())
            several = [item for item in items if isinstance(item, Told)]
            if several:
                await self._store(several)
                self._unwritten -= len(several)
            for item in items:
                if isinstance(item, asyncio.Future) and not item.done():
                    item.set_result(None)

    async def _store(self, several: Sequence[Told]) -> None:
        """Write events; a database that cannot be used is waited for."""
        record = partial(events.record, several=several)
        while True:
            try:
                problems = await self._control.write(record)
            except StoreError as error:
                _log.warning("%d events wait: %s", len(several), error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for problem in problems:
                _log.warning("A state was not recorded, its event is kept: %s", problem)
            return


def _read(text: str) -> Told:
    try:
        return events.told(msgspec.json.decode(text, type=EventCreate))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidRequest(f"event: {error}") from None


def routes(inbox: EventInbox, access: Access) -> list[BaseRoute]:
    """Return the routes, below `/api`."""

    async def stream(socket: WebSocket) -> None:
        if await opened(socket, access):
            await _take(socket, inbox)

    return [WebSocketRoute("/events/in", stream)]


async def _take(socket: WebSocket, inbox: EventInbox) -> None:
    """Take what comes until the client goes, or sends what is no event."""
    try:
        while True:
            await inbox.put(await socket.receive_text())
    except WebSocketDisconnect:
        return
    except KeyError:
        await socket.close(_BAD_FRAME, "An event is a frame of text")
    except InvalidRequest as error:
        await socket.close(_BAD_FRAME, str(error)[:120])
