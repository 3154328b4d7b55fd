"""The websockets over which the server tells what happens.

A client says who it is (`sockets`), then what it wants: `{"type": "filter", "filter": {...}}`. That
is how Prefect's clients do it. Each frame says in `cursor` how far the log has been told. A client
that sends the member `cursor` is told from there on, or from now on if it is null; from time to
time it gets `{"type": "cursor", "cursor": ...}`, so that its cursor keeps up also where its filter
lets little pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from logging import getLogger
from typing import Any

from msgspec import Struct
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from legato._model.errors import InvalidRequest, Resync, StoreError
from legato._model.filters import Leaf
from legato._model.ordered_log import cursor_at, position_of
from legato._server import streams_topics
from legato._server.control import Control
from legato._server.safety import Access
from legato._server.socket_protocol import FRAMES
from legato._server.sockets import close, frame, opened, text_of
from legato._server.streams import Feed, Streams, Stretch, joined, latest
from legato._server.streams_topics import Topic

_log = getLogger("legato.server")
BAD_FILTER = 1002
TRY_AGAIN = 1013
TOO_SLOW = 4408
TOO_OLD = 4410
PATIENCE_SECONDS = 10.0
"""So long a client may take nothing."""
CURSOR_SECONDS = 1.0
_FILTER_SECONDS = 10.0


class Wanted(Struct):
    """What a client asks for. `position` is None for a client that keeps no cursor."""

    filter: Leaf
    position: int | None
    keeps_cursor: bool
    recalls: bool
    """Whether what happened not long ago comes first."""


def routes(streams: Streams, access: Access) -> list[BaseRoute]:
    """Return the routes, below `/api`."""
    return [
        WebSocketRoute(topic.path, _endpoint(streams, access, topic))
        for topic in streams_topics.TOPICS
    ]


def _endpoint(
    streams: Streams, access: Access, topic: Topic
) -> Callable[[WebSocket], Awaitable[None]]:
    feed = streams.feed(topic.read)

    async def endpoint(socket: WebSocket) -> None:
        now = 0

        async def prepare() -> None:
            # what happens after the client was let in is told, even if its filter comes late
            nonlocal now
            now = await latest(streams.control)

        try:
            if await opened(socket, access, prepare):
                wanted = _wanted(topic, await _asked(socket))
                await _serve(socket, streams, feed, Outlet(socket, topic, wanted, now))
        except (WebSocketDisconnect, TimeoutError):
            await close(socket, BAD_FILTER, "Expected 'filter' message")
        except (ValueError, InvalidRequest) as error:
            await close(socket, BAD_FILTER, str(error))
        except StoreError as error:
            await close(socket, TRY_AGAIN, str(error))

    return endpoint


async def _asked(socket: WebSocket) -> dict[str, Any]:
    async with asyncio.timeout(_FILTER_SECONDS):
        return frame(await text_of(socket))


def _wanted(topic: Topic, asked: dict[str, Any]) -> Wanted:
    if asked.get("type") != "filter":
        raise ValueError("Expected 'filter' message")
    given, keeps = streams_topics.filter_of(topic, asked.get("filter")), "cursor" in asked
    recalls = asked.get("backfill", not keeps) is True
    cursor = asked.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise InvalidRequest("cursor: must be the text of an earlier frame, or null for from now")
    position = None if cursor is None else position_of(cursor)
    return Wanted(given, position, keeps_cursor=keeps, recalls=recalls)


class Outlet:
    """What goes to one client."""

    def __init__(self, socket: WebSocket, topic: Topic, wanted: Wanted, now: int) -> None:
        self._socket, self._topic, self._wanted = socket, topic, wanted
        self.position = now if wanted.position is None else wanted.position
        self._told, self._told_at = -1, 0.0
        self._write = socket.scope["extensions"][FRAMES]
        self._takes_all = wanted.filter == streams_topics.filter_of(topic, None)

    async def recall(self, control: Control) -> None:
        """Tell what happened not long ago, if that is wanted."""
        if self._wanted.recalls and self._topic.recall is not None:
            async for text in self._topic.recall(control, self._wanted.filter, self.position):
                await self._send(text)

    async def follow(self, feed: Feed) -> None:
        """Tell what comes, for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            if self._wanted.keeps_cursor and self._told_at + CURSOR_SECONDS <= clock():
                await self._tell_cursor()
                self._told_at = clock()
            stretch = await feed.after(self.position)
            for piece in self._picked(stretch):
                await self._write(piece, PATIENCE_SECONDS)
            self.position = stretch.upto

    def _picked(self, stretch: Stretch) -> Iterable[bytes]:
        """Return what the filter lets through, as it is written."""
        if self._takes_all:
            return stretch.pieces
        passes, given = self._topic.passes, self._wanted.filter
        return joined(item.frame for item in stretch.items if passes(item.value, given))

    async def _tell_cursor(self) -> None:
        if self.position > self._told:
            await self._send(f'{{"type":"cursor","cursor":"{cursor_at(self.position)}"}}')
            self._told = self.position

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._socket.send_text(text)


async def _serve(socket: WebSocket, streams: Streams, feed: Feed, outlet: Outlet) -> None:
    """Follow the feed until the client goes, or has to."""
    async with streams.followed(feed):
        following = asyncio.create_task(_tell(outlet, streams, feed))
        leaving = asyncio.create_task(_left(socket))
        try:
            await asyncio.wait((following, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            following.cancel()
            leaving.cancel()
            await asyncio.wait((following, leaving))
    if following.cancelled() or (error := following.exception()) is None:
        return
    cursor = cursor_at(outlet.position)
    if isinstance(error, TimeoutError):
        _log.info("Who follows %s took nothing and was cut off at %s.", socket.url.path, cursor)
        await close(socket, TOO_SLOW, "Nothing was taken for too long; go on from your cursor")
    elif isinstance(error, Resync):
        await close(socket, TOO_OLD, f"{cursor} is older than what is kept; read anew")
    elif not isinstance(error, WebSocketDisconnect | OSError):  # what is sent to who has gone
        raise error


async def _tell(outlet: Outlet, streams: Streams, feed: Feed) -> None:
    await outlet.recall(streams.control)
    await outlet.follow(feed)


async def _left(socket: WebSocket) -> None:
    """Wait until the client goes; what it says meanwhile is not listened to."""
    message: Any = {}
    while message.get("type") != "websocket.disconnect":
        message = await socket.receive()
