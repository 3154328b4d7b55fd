"""A clock that jumps: nobody waits for a retry delay, yet the records show it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from legato._backend import current as backends
from legato._journal import forks
from legato._sdk import stand_in
from legato._sdk.at_work import waits_for_long
from legato.testing._stillness import Stillness

if TYPE_CHECKING:
    import asyncio

LOOK_SECONDS = 0.002  # real time between two looks whether anybody gets on
STILL_SECONDS = 0.007  # more than a thread that waits for the interpreter sleeps at a time
PATIENCE_SECONDS = 0.5  # real time for which a thread that goes on and on holds up the others


class _Waiter:
    """Somebody who waits until `at`."""

    __slots__ = ("at", "wake")

    def __init__(self, at: float, wake: Callable[[], object]) -> None:
        self.at = at
        self.wake = wake


class _Limit:
    """A timeout around what this thread does."""

    __slots__ = ("at", "expire", "thread_id")

    def __init__(self, at: float, expire: Callable[[], None]) -> None:
        self.at = at
        self.expire = expire
        self.thread_id = threading.get_ident()


_limits: ContextVar[tuple[_Limit, ...]] = ContextVar("legato_virtual_limits", default=())


class VirtualClock:
    """Shows real time plus all the waiting that was skipped.

    Waits of threads and of coroutines overlap as real ones do: once no thread gets on, time jumps
    to the moment at which the first of them wakes. A thread that waits for something real, such as
    a socket, does not hold up the others; one that computes does, for half a second. A wait that
    goes beyond a timeout around it ends there.

    >>> from legato.testing import virtual_clock
    >>> with virtual_clock() as clock:
    ...     before = clock.now()
    ...     clock.sleep(86_400)
    ...     (clock.now() - before).days
    1
    """

    def __init__(self) -> None:
        self._skipped = 0.0
        self._begin()

    def _begin(self) -> None:
        """Start with nobody waiting, as in a forked child."""
        self._change = threading.Condition()
        self._waiting: list[_Waiter] = []
        self._waking: list[_Waiter] = []
        self._keeper: threading.Thread | None = None

    def now(self) -> datetime:
        """Return the time of day as an aware UTC datetime."""
        return datetime.now(UTC) + timedelta(seconds=self._skipped)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic() + self._skipped

    def advance(self, by: float | timedelta) -> None:
        """Let `by` pass now, in seconds or as a timedelta; raise ValueError if it is negative."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else float(by)
        if not seconds >= 0:
            raise ValueError(f"A clock is advanced by zero or more seconds, not by {by!r}.")
        with self._change:
            self._skipped += seconds
            self._wake_who_is_due()
            self._change.notify_all()

    @waits_for_long
    def sleep(self, seconds: float) -> None:
        """Wait on this thread until the clock shows `seconds` more; it takes milliseconds."""
        limit, at = self._end_of_wait(seconds)
        bell = threading.Lock()
        bell.acquire()
        waiter = _Waiter(at, bell.release)
        try:
            self._enter(waiter)
            bell.acquire()
        finally:
            self._leave(waiter)
        if limit is not None:
            limit.expire()

    async def asleep(self, seconds: float) -> None:
        """Wait on the running loop until the clock shows `seconds` more."""
        import asyncio

        limit, at = self._end_of_wait(seconds)
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_settle, woken)

        waiter = _Waiter(at, wake)
        try:
            self._enter(waiter)
            await woken
        finally:
            self._leave(waiter)
        if limit is not None:
            limit.expire()
            await loop.create_future()  # what expired cancels this task

    def limit(self, seconds: float, expire: Callable[[], None]) -> Callable[[], None]:
        """Call `expire` in a wait of this thread that goes beyond; return what lifts the limit."""
        token = _limits.set((*_limits.get(), _Limit(self.monotonic() + seconds, expire)))
        return lambda: _limits.reset(token)

    def _end_of_wait(self, seconds: float) -> tuple[_Limit | None, float]:
        """Return when a wait that begins now ends, and the limit that ends it, if one does."""
        at, me = self.monotonic() + seconds, threading.get_ident()
        limits = [limit for limit in _limits.get() if limit.thread_id == me and limit.at < at]
        first = min(limits, key=lambda limit: limit.at, default=None)
        return first, at if first is None else first.at

    def _enter(self, waiter: _Waiter) -> None:
        with self._change:
            self._waiting.append(waiter)
            self._change.notify_all()
            if self._keeper is None:
                name = "legato-virtual-clock"
                self._keeper = threading.Thread(target=self._keep, name=name, daemon=True)
                self._keeper.start()

    def _leave(self, waiter: _Waiter) -> None:
        with self._change:
            for waiters in (self._waiting, self._waking):
                if waiter in waiters:
                    waiters.remove(waiter)
            self._change.notify_all()

    def _keep(self) -> None:
        """Let time jump whenever all is still; ends when nobody waits."""
        stillness, since = Stillness(), time.monotonic()
        with self._change:
            while self._waiting:
                came_or_went = self._change.wait(LOOK_SECONDS)
                if came_or_went:
                    since = time.monotonic()
                    continue
                still = stillness.look() > STILL_SECONDS and not self._waking
                if still or time.monotonic() > since + PATIENCE_SECONDS:
                    self._jump()
                    since = time.monotonic()
            self._keeper = None

    def _jump(self) -> None:
        first = min(waiter.at for waiter in self._waiting)
        self._skipped += max(0.0, first - self.monotonic())
        self._wake_who_is_due()

    def _wake_who_is_due(self) -> None:
        now = self.monotonic()
        due = [waiter for waiter in self._waiting if waiter.at <= now]
        for waiter in sorted(due, key=lambda waiter: waiter.at):
            self._waiting.remove(waiter)
            self._waking.append(waiter)
            waiter.wake()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


_installed: list[VirtualClock] = []


@contextmanager
def virtual_clock() -> Generator[VirtualClock, None, None]:
    """Let runs of this process be timed by a virtual clock within the block; return it.

    Retry delays and the clock's own `sleep` take no time and show in the records as if they had.
    Where a virtual clock holds already, that one goes on. Child processes that are started anew
    live in real time.

    >>> from legato import flow
    >>> from legato.testing import virtual_clock
    >>> tries = []
    >>> @flow(retries=1, retry_delay_seconds=86_400)
    ... def second_time_lucky() -> None:
    ...     tries.append(len(tries))
    ...     if len(tries) == 1:
    ...         raise ConnectionError("try tomorrow")
    >>> with virtual_clock():
    ...     second_time_lucky()
    >>> tries
    [0, 1]
    """
    if _installed:
        yield _installed[-1]
        return
    _follow_forks()
    clock = VirtualClock()
    _install([clock])
    try:
        yield clock
    finally:
        _install([])


def _install(clocks: list[VirtualClock]) -> None:
    _installed[:] = clocks
    clock = clocks[0] if clocks else None
    stand_in.clock = clock
    backends.use_clock(clock)


class _InChild:
    """A forked child has none of the threads that wait."""

    def before_fork(self) -> None: ...

    def after_in_parent(self) -> None: ...

    def after_in_child(self) -> None:
        for clock in _installed:
            clock._begin()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


@cache
def _follow_forks() -> None:
    forks.follow(_InChild())
