"""The seats of a task runner with `max_workers`: who waits for a future leaves its seat.

So a task that submits another one and waits for it never takes the seat that the other needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock
from typing import Any

from legato._sdk.at_work import waits_for_long

_mine: ContextVar[Seat | None] = ContextVar("legato_seat", default=None)


def mine() -> Seat | None:
    """Return the seat that the current task holds, if its runner has a limit."""
    return _mine.get()


@waits_for_long
def _pass(gate: Any) -> None:
    gate.acquire()


class Seats:
    """`limit` seats; who finds none is called when one is free, in the order of asking."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._lock = Lock()
        self._asked: deque[Callable[[], object]] = deque()

    def ask(self, start: Callable[[], object], first: bool = False) -> None:
        """Call `start` once a place is taken for it: now, or when another one is given back."""
        with self._lock:
            if self._free <= 0:
                (self._asked.appendleft if first else self._asked.append)(start)
                return
            self._free -= 1
        start()

    def give_back(self) -> None:
        """Free a place, or hand it to who asked first."""
        with self._lock:
            if not self._asked:
                self._free += 1
                return
            start = self._asked.popleft()
        start()


class Seat:
    """A seat that a task holds, except while all that it does is wait for futures."""

    __slots__ = ("_held", "_seats", "_waits")

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._waits = 0
        self._held = True

    def hold(self) -> None:
        """Let the code of this context know its place."""
        _mine.set(self)

    def leave(self) -> None:
        """Give up the place for a wait; coroutines of one task may wait for several futures."""
        self._waits += 1
        self.give_back()

    def enter(self) -> None:
        """Take a place again after a wait."""
        self._waits -= 1
        if self._waits == 0:
            taken = Lock()
            taken.acquire()
            self._seats.ask(taken.release, first=True)
            _pass(taken)
            self._held = True

    async def aenter(self) -> None:
        """Take a place again after a wait, without blocking the loop."""
        self._waits -= 1
        if self._waits:
            return
        import asyncio

        loop = asyncio.get_running_loop()
        taken: asyncio.Future[None] = loop.create_future()

        def take() -> None:
            if taken.cancelled():
                self._seats.give_back()
            else:
                self._held = True
                taken.set_result(None)

        self._seats.ask(lambda: loop.call_soon_threadsafe(take), first=True)
        await taken

    def give_back(self) -> None:
        """Free the seat, if it is held."""
        if self._held:
            self._held = False
            self._seats.give_back()
