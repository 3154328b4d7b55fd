"""Room for the bodies of requests: how much of them is in memory at once, of all clients together.

A body may have 16 MiB, and as many may come at once as there are connections. One that is longer
than what a connection holds anyway is not read before there is room for all of it, so of those
that are read each comes to its end, and none waits for another one's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import Message, Receive
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from legato._model.errors import Crowded

BODY_MAX_BYTES = 16 * 1024 * 1024
ROOM_BYTES = 4 * BODY_MAX_BYTES
SMALL_BYTES = HIGH_WATER_LIMIT
"""What a connection holds of a body that nobody reads."""
WAIT_SECONDS = 20.0
SEND_SECONDS = 10.0
"""How long a body may come while others wait for its room."""
_LOOK_SECONDS = 0.5
_Place = tuple[asyncio.Future[None], int]


class TooLong(Exception):
    """A body went on beyond the limit."""


class Room:
    """So many bytes, and a line of those who wait for some; one event loop."""

    def __init__(self, size: int = ROOM_BYTES) -> None:
        self._left = size
        self._line: deque[_Place] = deque()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._line)

    async def take(self, size: int) -> None:
        """Take room, in the order of asking; raise Crowded if there is none in time."""
        turn = asyncio.get_running_loop().create_future()
        place = turn, size
        self._line.append(place)
        self._admit()
        try:
            if not turn.done():
                await asyncio.wait((turn,), timeout=WAIT_SECONDS)
        except asyncio.CancelledError:
            self._leave(place)
            raise
        if not turn.done():
            self._leave(place)
            raise Crowded

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncGenerator[None]:
        """Have room for a while; raise Crowded."""
        await self.take(size)
        try:
            yield
        finally:
            self.give(size)

    def give(self, size: int) -> None:
        """Give room back."""
        self._left += size
        self._admit()

    def _admit(self) -> None:
        while self._line and self._line[0][1] <= self._left:
            turn, size = self._line.popleft()
            self._left -= size
            turn.set_result(None)

    def _leave(self, place: _Place) -> None:
        if place[0].done():
            self.give(place[1])
        else:
            self._line.remove(place)
            self._admit()


class Body:
    """The body of a request, by `receive`: as long as it may be, and only while there is room."""

    def __init__(self, receive: Receive, room: Room, said: int) -> None:
        self._receive, self._room, self._said = receive, room, said
        self._read = self._held = 0
        self._due: float | None = None
        """Until when others wait for it, as long as it is not whole."""

    async def __call__(self) -> Message:
        if not self._held and self._said > SMALL_BYTES:
            await self._hold(self._said)
        message = await (self._receive() if self._due is None else self._in_time(self._due))
        self._read += len(message.get("body", b""))
        if self._read > BODY_MAX_BYTES:
            raise TooLong
        if not message.get("more_body", False):
            self._due = None
        elif not self._held and self._read > SMALL_BYTES:  # it did not say how long it is
            await self._hold(BODY_MAX_BYTES)
        return message

    async def _hold(self, size: int) -> None:
        await self._room.take(size)
        self._held = size
        self._due = asyncio.get_running_loop().time() + SEND_SECONDS

    def close(self) -> None:
        """Give its room back."""
        if self._held:
            self._room.give(self._held)
            self._held = 0

    async def _in_time(self, due: float) -> Message:
        loop = asyncio.get_running_loop()
        asking = asyncio.ensure_future(self._receive())
        try:
            while True:
                patience = max(due - loop.time(), _LOOK_SECONDS)
                done, _ = await asyncio.wait((asking,), timeout=patience)
                if done:
                    return asking.result()
                if self._room.is_wanted:
                    raise Crowded
        finally:
            asking.cancel()
