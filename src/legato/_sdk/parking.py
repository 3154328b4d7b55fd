"""Waiting for a future: a thread parks on a lock, a coroutine on a future of its loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from legato._sdk import seats
from legato._sdk.at_work import waits_for_long

if TYPE_CHECKING:
    from legato._sdk.futures import Future

SLICE_SECONDS = 0.1  # an exception that is set in a thread arrives between two slices


class Limit:
    """A time until which to wait."""

    __slots__ = ("_ends",)

    def __init__(self, seconds: float | None) -> None:
        self._ends = None if seconds is None else time.monotonic() + checked(seconds)

    def left(self) -> float | None:
        """Return the seconds that are left, or None for no limit."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())


def checked(timeout: float) -> float:
    """Return a timeout in seconds; raise ValueError for a negative one."""
    if timeout < 0:
        raise ValueError(f"timeout must not be negative, but is {timeout}.")
    return timeout


def wait_for(future: Future[Any], timeout: float | None) -> None:
    """Block this thread until the run has ended; raise RuntimeError where that is for ever."""
    limit = Limit(timeout)
    refuse_to_block([future])
    ended = closed_gate()

    def release(_: object) -> None:
        ended.release()

    future.add_done_callback(release)
    try:
        park(ended, limit)
    finally:
        future.remove_done_callback(release)


def closed_gate() -> Any:
    """Return a lock that is taken; whoever releases it lets the thread pass that parks on it."""
    gate = Lock()
    gate.acquire()
    return gate


def park(gate: Any, limit: Limit) -> None:
    """Block this thread until the gate opens, or the time is over."""
    seat = seats.mine()
    if seat is not None:
        seat.leave()
    try:
        _park(gate, limit)
    finally:
        if seat is not None:
            seat.enter()


@waits_for_long
def _park(gate: Any, limit: Limit) -> None:
    while True:
        left = limit.left()
        pause = SLICE_SECONDS if left is None else min(left, SLICE_SECONDS)
        if gate.acquire(True, pause) or left == 0:
            return


def running_loop() -> Any:
    """Return the event loop that runs in this thread, or None; imports nothing."""
    events: Any = sys.modules.get("asyncio.events")
    return None if events is None else events._get_running_loop()  # noqa: SLF001


def refuse_to_block(futures: Iterable[Future[Any]]) -> None:
    """Raise RuntimeError if one of the runs needs the event loop that this thread would block."""
    loop = running_loop()
    if loop is None:
        return
    for future in futures:
        if _needs(future, loop):
            raise RuntimeError(
                f"Task run {future.name!r} needs the event loop that this call would block, so it "
                "would wait for ever. Write `await future` in the place of future.result() or "
                "future.wait(), and `async for` in the place of `for ... in as_completed(...)`; "
                "await futures before you pass them to a task that is called directly."
            )


def _needs(future: Future[Any], loop: Any) -> bool:
    source = future.source
    if source is None:
        return False
    return source.loop is loop or any(_needs(other, loop) for other in source.upstream)


async def arrival_of(future: Future[Any]) -> None:
    """Wait on the running loop until the run has ended."""
    waiting = Arrival()
    future.add_done_callback(waiting.announce)
    try:
        await waiting
    finally:
        future.remove_done_callback(waiting.announce)


class Arrival:
    """Something that a coroutine waits for and any thread may announce."""

    def __init__(self) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Future[None] = self._loop.create_future()

    def announce(self, _: object = None) -> None:
        """Let the coroutine go on."""
        if running_loop() is self._loop:
            self._note()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._note)

    def _note(self) -> None:
        if not self._arrived.done():
            self._arrived.set_result(None)

    def __await__(self) -> Generator[Any, Any, None]:
        seat = seats.mine()
        if seat is not None:
            seat.leave()
        try:
            yield from self._arrived.__await__()
        finally:
            if seat is not None:
                yield from seat.aenter().__await__()
