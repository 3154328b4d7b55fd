"""Locks among the threads and coroutines of this process."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, ClassVar, cast

from legato._sdk import parking
from legato._sdk.locking import not_held
from legato._sdk.parking import Limit

LONGEST_LOOK_SECONDS = 1.0  # who gets the lock next may hold it for a shorter time


class _Held:
    """A lock that somebody holds."""

    __slots__ = ("ends", "holder")

    def __init__(self, holder: str, hold_timeout: float | None) -> None:
        self.holder = holder
        self.ends = None if hold_timeout is None else time.monotonic() + hold_timeout


class _Waiter:
    """Who stands in line for a lock; without a holder it only wants to see the lock free."""

    __slots__ = ("called", "hold_timeout", "holder", "wake")

    def __init__(
        self, holder: str | None, hold_timeout: float | None, wake: Callable[[], object]
    ) -> None:
        self.holder = holder
        self.hold_timeout = hold_timeout
        self.wake = wake
        self.called = False  # it has what it waited for


class MemoryLockManager:
    """Locks that the flows and tasks of one process share; there is one manager in a process.

    Those who wait for a lock get it in the order in which they came.

        >>> from legato.locking.memory import MemoryLockManager
        >>> locks = MemoryLockManager()
        >>> locks.acquire_lock("key", "me")
        True
        >>> locks.acquire_lock("key", "you", acquire_timeout=0)
        False
        >>> locks.release_lock("key", "me")
        >>> locks.is_locked("key")
        False
    """

    _only: ClassVar[Any] = None
    _guard: ClassVar[Any] = Lock()
    _held: ClassVar[dict[str, _Held]] = {}
    _lines: ClassVar[dict[str, deque[_Waiter]]] = {}

    def __new__(cls) -> MemoryLockManager:  # noqa: PYI034 - the one there is
        if MemoryLockManager._only is None:
            MemoryLockManager._only = super().__new__(cls)
        return cast("MemoryLockManager", MemoryLockManager._only)

    @classmethod
    def forget(cls) -> None:
        """Free all locks without calling who waits: a fork has no other thread than its own."""
        cls._guard = Lock()
        cls._held.clear()
        cls._lines.clear()

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take the lock; False: it was not free for `acquire_timeout` seconds."""
        return self._wait(key, holder, acquire_timeout, hold_timeout)

    async def aacquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take the lock, as `acquire_lock` does."""
        return await self._await(key, holder, acquire_timeout, hold_timeout)

    def release_lock(self, key: str, holder: str) -> None:
        """Give the lock back; raise ValueError if the holder does not have it."""
        with self._guard:
            held = self._find(key)
            if held is None or held.holder != holder:
                raise not_held(key, holder)
            del self._held[key]
            self._call_next(key)

    def is_locked(self, key: str) -> bool:
        """Tell whether anybody holds the lock."""
        with self._guard:
            return self._find(key) is not None

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Tell whether `holder` holds the lock."""
        with self._guard:
            held = self._find(key)
            return held is not None and held.holder == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds the lock; False: somebody still did after `timeout` seconds."""
        return self._wait(key, None, timeout, None)

    async def await_for_lock(
        self,
        key: str,
        timeout: float | None = None,  # noqa: ASYNC109 - Prefect's parameter
    ) -> bool:
        """Wait as `wait_for_lock` does."""
        return await self._await(key, None, timeout, None)

    def _wait(
        self, key: str, holder: str | None, timeout: float | None, hold_timeout: float | None
    ) -> bool:
        limit, gate = Limit(timeout), parking.closed_gate()
        waiter = _Waiter(holder, hold_timeout, gate.release)
        served = False
        try:
            if not self._enter(key, waiter):
                while not self._is_called(key, waiter) and limit.left() != 0:
                    parking.park(gate, self._patience(key, limit))
            served = True
        finally:
            self._leave(key, waiter, served=served)
        return waiter.called

    async def _await(
        self,
        key: str,
        holder: str | None,
        timeout: float | None,  # noqa: ASYNC109 - Prefect's parameter
        hold_timeout: float | None,
    ) -> bool:
        import asyncio

        limit, arrival = Limit(timeout), parking.Arrival()
        waiter = _Waiter(holder, hold_timeout, arrival.announce)
        served = False
        try:
            waits = not self._enter(key, waiter)
            while waits and not self._is_called(key, waiter) and limit.left() != 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience(key, limit).left()):
                        await arrival
                # Giving up to wait has used it up. Who calls from here on is seen by the next look.
                arrival = parking.Arrival()
                waiter.wake = arrival.announce
            served = True
        finally:
            self._leave(key, waiter, served=served)
        return waiter.called

    def _enter(self, key: str, waiter: _Waiter) -> bool:
        """Serve the waiter if that can be now; else let it stand in line."""
        with self._guard:
            held = self._find(key)
            if held is not None and held.holder == waiter.holder:
                waiter.called = True
                return True
            self._lines.setdefault(key, deque()).append(waiter)
            if held is None:
                self._call_next(key)
            return waiter.called

    def _is_called(self, key: str, waiter: _Waiter) -> bool:
        with self._guard:
            if self._find(key) is None:  # its holder's time is over
                self._call_next(key)
            return waiter.called

    def _leave(self, key: str, waiter: _Waiter, *, served: bool) -> None:
        """Leave the line, and give back what was got by who does not come to have it."""
        with self._guard:
            line = self._lines.get(key)
            if not waiter.called and line is not None and waiter in line:
                line.remove(waiter)
                if not line:
                    del self._lines[key]
            elif waiter.called and not served and waiter.holder is not None:
                self._held.pop(key, None)
                self._call_next(key)

    def _find(self, key: str) -> _Held | None:
        held = self._held.get(key)
        if held is not None and held.ends is not None and held.ends <= time.monotonic():
            del self._held[key]
            return None
        return held

    def _call_next(self, key: str) -> None:
        """Give a free lock to the first in line who wants it; who only looks is called before."""
        line = self._lines.pop(key, None)
        while line and key not in self._held:
            waiter = line.popleft()
            if waiter.holder is not None:
                self._held[key] = _Held(waiter.holder, waiter.hold_timeout)
            waiter.called = True
            waiter.wake()
        if line:
            self._lines[key] = line

    def _patience(self, key: str, limit: Limit) -> Limit:
        """Return how long to stand in line before another look at when the holder's time ends."""
        with self._guard:
            held = self._held.get(key)
            ends = None if held is None else held.ends
        pauses = [LONGEST_LOOK_SECONDS]
        left = limit.left()
        if left is not None:
            pauses.append(left)
        if ends is not None:
            pauses.append(max(0.0, ends - time.monotonic()))
        return Limit(min(pauses))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=MemoryLockManager.forget)
