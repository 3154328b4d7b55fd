"""Following the streams of a server over websockets, from a thread or on an event loop.

Who is cut off connects again and goes on behind the last cursor, for as long as the server is not
away for too long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

from websockets.asyncio.client import connect as aconnect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    WebSocketException,
)
from websockets.sync.client import connect

from legato._client.link import ANSWER_SECONDS, said
from legato._client.patience import Patience
from legato._client.routes import Route
from legato._client.subscription import SUBPROTOCOL, Subscription, Told
from legato._model.errors import ServerAway, ServerRefused

AWAY_SECONDS = 60.0
"""For so long a server may be away before whoever follows learns it."""
FRAME_MAX_BYTES = 16 * 1024 * 1024
_connect: Any = connect  # what it returns besides depends on the version


def follow(
    route: Route, subscription: Subscription, seconds: float = AWAY_SECONDS
) -> Generator[Told]:
    """Yield what a stream tells, for ever; first how far it has come.

    Raises ServerAway when the server has been away for so many seconds, Resync, ServerRefused.
    """
    patience = Patience(seconds)
    while True:
        try:
            with _connect(_uri(route, subscription), **_options(route)) as socket:
                socket.send(subscription.greeting())
                subscription.heard(socket.recv(ANSWER_SECONDS))
                socket.send(subscription.question())
                while True:
                    told = subscription.heard(socket.recv())
                    if told is not None:
                        patience = Patience(seconds)
                        yield told
        except (OSError, EOFError, WebSocketException) as error:
            time.sleep(_pause(route, subscription, patience, error))


async def afollow(
    route: Route, subscription: Subscription, seconds: float = AWAY_SECONDS
) -> AsyncGenerator[Told]:
    """Do as `follow`, on an event loop."""
    patience = Patience(seconds)
    while True:
        try:
            async with aconnect(_uri(route, subscription), **_options(route)) as socket:
                await socket.send(subscription.greeting())
                async with asyncio.timeout(ANSWER_SECONDS):
                    subscription.heard(await socket.recv())
                await socket.send(subscription.question())
                while True:
                    told = subscription.heard(await socket.recv())
                    if told is not None:
                        patience = Patience(seconds)
                        yield told
        except (OSError, EOFError, WebSocketException) as error:
            await asyncio.sleep(_pause(route, subscription, patience, error))


class Streams:
    """The streams of one server."""

    def __init__(self, route: Route, token: str | None) -> None:
        self._route, self._token = route, token

    def follow(
        self, path: str, filter: Any = None, *, cursor: str | None = None, recalls: bool = False
    ) -> Generator[Told]:
        """Follow what a filter lets through, from a thread."""
        return follow(self._route, self._asked(path, filter, cursor, recalls=recalls))

    def afollow(
        self, path: str, filter: Any = None, *, cursor: str | None = None, recalls: bool = False
    ) -> AsyncGenerator[Told]:
        """Follow what a filter lets through, on an event loop."""
        return afollow(self._route, self._asked(path, filter, cursor, recalls=recalls))

    def _asked(self, path: str, filter: Any, cursor: str | None, *, recalls: bool) -> Subscription:
        return Subscription(path, filter, cursor=cursor, recalls=recalls, token=self._token)


def _uri(route: Route, subscription: Subscription) -> str:
    scheme = "wss" if route.secure else "ws"
    return f"{scheme}://{route.authority}{route.path}{subscription.path}"


def _options(route: Route) -> dict[str, Any]:
    return {
        "proxy": None if route.proxy is None else route.proxy.url,
        "subprotocols": [SUBPROTOCOL],
        "compression": None,
        "open_timeout": ANSWER_SECONDS,
        "close_timeout": 1.0,
        "max_size": FRAME_MAX_BYTES,
    }


def _pause(route: Route, subscription: Subscription, patience: Patience, error: Exception) -> float:
    """Return how long to wait before the next try; raise if there is none."""
    if isinstance(error, ConnectionClosed):
        close = error.rcvd
        subscription.closed(close.code if close else None, close.reason if close else "")
    elif isinstance(error, InvalidStatus):
        subscription.refused(error.response.status_code)
    elif isinstance(error, InvalidMessage) and isinstance(error.__cause__, ValueError):
        raise ServerRefused(  # an old proxy, which knows HTTP/1.0 only
            f"What answers at {route.url} lets no stream through: {error.__cause__}."
        ) from error
    pause = patience.pause(time.monotonic())
    if pause is None:
        raise ServerAway(f"{route.url} cannot be followed: {said(error)}.") from error
    return pause
