"""The ordered log, read once for all who follow it over websockets.

A feed keeps the newest stretch of the log in memory, while somebody follows. A follower asks for
what stands behind its own position, and gets it from there, or from the database if it is further
back. So nothing piles up for who is slow, and nothing is left out: there are no queues.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from logging import getLogger
from math import ceil
from typing import Any, NamedTuple

from legato._control import ordered_log
from legato._model.errors import Resync, StoreBusy, StoreError
from legato._model.ordered_log import position_of
from legato._server.control import Control
from legato._store.port import Store, Watch

_log = getLogger("legato.server")
LIMIT = 200
"""Positions of one stretch."""
ROOM = 1000
ROOM_BYTES = 4 * 1024 * 1024
"""What a feed keeps at most: so many items, of so many bytes, and those once more in pieces."""
STEPS, STEP_SECONDS = 25, 0.004
"""A crowd is told in so many steps, with a pause after each, for requests would wait for all whom
one step wakes. What comes meanwhile is told in the next round.
"""
PIECE_BYTES = 32 * 1024
"""So much is written at once."""
_RETRY_SECONDS = 0.5
_BEGIN_SECONDS, _LOOK_SECONDS = 30.0, 0.02


class Item(NamedTuple):
    """One thing that is sent: the value that filters look at, and its frame."""

    position: int
    value: Any
    frame: bytes
    """As it goes over the wire, to each client alike."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """All that stands behind one position, up to another."""

    after: int
    upto: int
    items: Sequence[Item]
    more: bool
    """There is more already."""
    pieces: Sequence[bytes] = field(init=False)
    """The frames of all items as they are written, joined once for all who take everything."""
    size: int = field(init=False)
    """Bytes of these."""

    def __post_init__(self) -> None:
        pieces = list(joined(item.frame for item in self.items))
        object.__setattr__(self, "pieces", pieces)
        object.__setattr__(self, "size", sum(map(len, pieces)))

    def behind(self, position: int) -> Stretch:
        """Return what stands behind a position within it."""
        if position == self.after:
            return self
        rest = [item for item in self.items if item.position > position]
        return Stretch(position, self.upto, rest, self.more)


def joined(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Return frames, those that are short many in one piece."""
    held: list[bytes] = []
    size = 0
    for one in frames:
        held.append(one)
        size += len(one)
        if size > PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


Read = Callable[[Store, int, int], Stretch]
"""Reads what stands behind a position, a number of positions at most."""


async def latest(control: Control) -> int:
    """Return the position up to which the log stands; wait, if that cannot be told yet."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _BEGIN_SECONDS
    while True:
        try:
            return position_of(await control.call(ordered_log.latest))
        except StoreBusy:
            if loop.time() > end:
                raise
        await asyncio.sleep(_LOOK_SECONDS)


class Feed:
    """What of the log one kind of stream tells."""

    def __init__(self, control: Control, read: Read) -> None:
        self._control, self._read = control, read
        self._kept: deque[Stretch] = deque()
        self._items = self._bytes = 0  # of these
        self._start = self._end = 0
        self._woken = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._followers = 0
        self._pumping: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Keep up with the log from now on, until all who joined have left."""
        if self._pumping is None:
            await self._begin()
            self._pumping = asyncio.create_task(self._pump())
            self.wake()
        self._followers += 1

    def leave(self) -> None:
        self._followers -= 1
        if not self._followers and self._pumping is not None:
            self._pumping.cancel()
            self._pumping = None
            self._forget()

    def wake(self) -> None:
        """Look whether there is more."""
        self._woken.set()

    async def after(self, position: int) -> Stretch:
        """Return what comes next behind a position; wait until there is something.

        Raises Resync if what stood there has been pruned.
        """
        while position >= self._end:
            await self._wait()
        if position < self._start:
            return await self._load(position)
        newest_first: Iterator[Stretch] = reversed(self._kept)
        stretch = next(kept for kept in newest_first if kept.after <= position)
        return stretch.behind(position)

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            with suppress(ValueError):  # a round has begun with it
                self._waiting.remove(waiter)
            raise

    async def _load(self, after: int) -> Stretch:
        return await self._control.call(lambda store: self._read(store, after, LIMIT))

    async def _begin(self) -> None:
        position = await latest(self._control)
        self._forget()
        self._start = self._end = position

    async def _pump(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._catch_up()
            except StoreError as error:
                _log.warning("Streams stand still: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                self.wake()

    async def _catch_up(self) -> None:
        """Keep and tell what has come."""
        more = True
        while more:
            try:
                stretch = await self._load(self._end)
            except Resync:  # it was pruned faster than it was read
                await self._begin()
                await self._tell(STEP_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            more = stretch.more
            if stretch.upto > self._end:
                self._keep(stretch)
                await self._tell(0 if more else STEP_SECONDS)

    def _keep(self, stretch: Stretch) -> None:
        self._kept.append(stretch)
        self._end = stretch.upto
        self._items += len(stretch.items)
        self._bytes += stretch.size
        while len(self._kept) > 1 and self._is_full():
            gone = self._kept.popleft()
            self._start = gone.upto
            self._items -= len(gone.items)
            self._bytes -= gone.size

    def _is_full(self) -> bool:
        return max(len(self._kept), self._items) > ROOM or self._bytes > ROOM_BYTES

    def _forget(self) -> None:
        self._kept.clear()
        self._items = self._bytes = 0

    async def _tell(self, pause: float) -> None:
        """Wake all who wait."""
        due, self._waiting = self._waiting, []
        count = ceil(len(due) / STEPS)
        for start in range(0, len(due), count or 1):
            if start:
                await asyncio.sleep(pause)
            for waiter in due[start : start + count]:
                if not waiter.done():  # who has left is cancelled
                    waiter.set_result(None)


class Streams:
    """All feeds of a server. The database is watched while somebody follows one of them."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self._feeds: list[Feed] = []
        self._followers = 0
        self._watch: Watch | None = None
        self._joining = asyncio.Lock()

    def feed(self, read: Read) -> Feed:
        """Return another feed."""
        feed = Feed(self.control, read)
        self._feeds.append(feed)
        return feed

    @asynccontextmanager
    async def followed(self, feed: Feed) -> AsyncGenerator[None]:
        """Keep a feed going within the block."""
        async with self._joining:
            if self._watch is None:
                self._watch = await self._watching()
            self._followers += 1
        try:
            async with self._joining:
                await feed.join()
            try:
                yield
            finally:
                feed.leave()
        finally:
            self._release()

    async def _watching(self) -> Watch:
        """Watch the database; whoever leaves meanwhile leaves no watch behind."""
        wake = self._waker(asyncio.get_running_loop())
        opening = asyncio.ensure_future(self.control.call(lambda store: store.watch(wake)))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_unwatch)
            raise

    def _release(self) -> None:
        self._followers -= 1
        if not self._followers and self._watch is not None:
            self._watch.close()
            self._watch = None

    def _waker(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake)

        return wake

    def _wake(self) -> None:
        for feed in self._feeds:
            feed.wake()


def _unwatch(opening: asyncio.Future[Watch]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
