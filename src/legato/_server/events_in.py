"""Events that clients send: what they tell of task runs is recorded.

All that waits is written in one transaction, so many tasks share a commit. The inbox is bounded:
who sends faster than the database takes is not read from meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from logging import getLogger
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from legato._control import prefect_task_events
from legato._model import task_events
from legato._model.errors import InvalidRequest, StoreError
from legato._model.task_events import TaskEvent
from legato._server.control import Control
from legato._server.safety import Access
from legato._server.sockets import frame, opened

_log = getLogger("legato.server")
BATCH = 256
ROOM = 10_000
_RETRY_SECONDS = 0.5
_BAD_FRAME = 1003
_Item = TaskEvent | asyncio.Future[None]


class EventInbox:
    """Events on their way into the database, in the order in which they came."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._waiting: asyncio.Queue[_Item] = asyncio.Queue(ROOM)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Take events within the block; at its end all that have come are written."""
        writing = asyncio.create_task(self._write())
        try:
            yield
        finally:
            await self.settle()
            writing.cancel()

    async def put(self, event: dict[str, Any]) -> None:
        """Take an event; raise InvalidRequest for one that cannot be read."""
        if task_events.is_task_event(event):
            await self._waiting.put(task_events.parsed(event))

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
            events = [item for item in items if isinstance(item, TaskEvent)]
            if events:
                await self._store(events)
            for item in items:
                if isinstance(item, asyncio.Future) and not item.done():
                    item.set_result(None)

    async def _store(self, events: Sequence[TaskEvent]) -> None:
        """Write events; a database that cannot be used is waited for."""
        record = partial(prefect_task_events.record, events=events)
        while True:
            try:
                problems = await self._control.write(record)
            except StoreError as error:
                _log.warning("%d events wait: %s", len(events), error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for problem in problems:
                _log.warning("An event was not recorded: %s", problem)
            return


def routes(inbox: EventInbox, access: Access) -> list[BaseRoute]:
    """Return the routes, below `/api`."""

    async def stream(socket: WebSocket) -> None:
        if await opened(socket, access):
            await _read(socket, inbox)

    async def post(request: Request) -> Response:
        return await _post(await request.body(), inbox)

    return [WebSocketRoute("/events/in", stream), Route("/events", post, methods=["POST"])]


async def _read(socket: WebSocket, inbox: EventInbox) -> None:
    """Take what comes until the client goes, or sends what is no event."""
    try:
        while True:
            await inbox.put(frame(await socket.receive_text()))
    except WebSocketDisconnect:
        return
    except (ValueError, InvalidRequest) as error:
        await socket.close(_BAD_FRAME, str(error)[:120])


async def _post(body: bytes, inbox: EventInbox) -> Response:
    """Take a list of events; they are written when this is answered."""
    try:
        for event in msgspec.json.decode(body, type=list[dict[str, Any]]):
            await inbox.put(event)
    except (msgspec.MsgspecError, InvalidRequest) as error:
        return JSONResponse({"detail": str(error)}, 422)
    await inbox.settle()
    return Response(status_code=204)
