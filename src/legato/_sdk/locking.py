"""Locks on keys: what a lock manager does, and the loop of those that have to ask again.

A lock has a holder, a text that its user chooses. Who holds it gets it again at once. A lock with a
`hold_timeout` is free for others when that has passed, whatever its holder does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Protocol, runtime_checkable

from legato._sdk import parking
from legato._sdk.parking import Limit

SHORTEST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.1


@runtime_checkable
class LockManager(Protocol):
    """What transactions and result stores need of a lock manager."""

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take the lock; False: it was not free for `acquire_timeout` seconds."""
        ...

    async def aacquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take the lock, as `acquire_lock` does."""
        ...

    def release_lock(self, key: str, holder: str) -> None:
        """Give the lock back; raise ValueError if the holder does not have it."""
        ...

    def is_locked(self, key: str) -> bool:
        """Tell whether anybody holds the lock."""
        ...

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Tell whether `holder` holds the lock."""
        ...

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds the lock; False: somebody still did after `timeout` seconds."""
        ...

    async def await_for_lock(
        self,
        key: str,
        timeout: float | None = None,  # noqa: ASYNC109 - Prefect's parameter
    ) -> bool:
        """Wait as `wait_for_lock` does."""
        ...


def not_held(key: str, holder: str) -> ValueError:
    """Return the error for who gives back what it does not have."""
    return ValueError(
        f"{holder!r} does not hold the lock on {key!r}: it was never taken, was given back, or was "
        "held for longer than its hold_timeout and is another's now."
    )


class AskingLocks:
    """A lock manager whose locks are elsewhere, so that whoever waits asks again and again."""

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take the lock; False: it was not free for `acquire_timeout` seconds."""
        return _until(lambda: self._take(key, holder, hold_timeout), acquire_timeout)

    async def aacquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take the lock, as `acquire_lock` does."""
        from asyncio import to_thread

        if await to_thread(self.is_lock_holder, key, holder):
            return True
        take = partial(self._take, key, holder, hold_timeout)
        return await _auntil(take, acquire_timeout, give_back=partial(self._drop, key, holder))

    def release_lock(self, key: str, holder: str) -> None:
        """Give the lock back; raise ValueError if the holder does not have it."""
        if not self._drop(key, holder):
            raise not_held(key, holder)

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Tell whether `holder` holds the lock."""
        return self._holder(key) == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds the lock; False: somebody still did after `timeout` seconds."""
        return _until(lambda: self._holder(key) is None, timeout)

    async def await_for_lock(
        self,
        key: str,
        timeout: float | None = None,  # noqa: ASYNC109 - Prefect's parameter
    ) -> bool:
        """Wait as `wait_for_lock` does."""
        return await _auntil(lambda: self._holder(key) is None, timeout)

    def _take(self, key: str, holder: str, hold_timeout: float | None) -> bool:
        raise NotImplementedError

    def _drop(self, key: str, holder: str) -> bool:
        raise NotImplementedError

    def _holder(self, key: str) -> str | None:
        raise NotImplementedError


def _until(done: Callable[[], bool], timeout: float | None) -> bool:
    limit, pause = Limit(timeout), SHORTEST_PAUSE_SECONDS
    while not done():
        left = limit.left()
        if left == 0:
            return False
        parking.park(parking.closed_gate(), Limit(pause if left is None else min(pause, left)))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return True


async def _auntil(
    done: Callable[[], bool], seconds: float | None, give_back: Callable[[], object] | None = None
) -> bool:
    import asyncio

    limit, pause = Limit(seconds), SHORTEST_PAUSE_SECONDS
    while True:
        # Each look may take the time of a disk or a network; the loop is not to stand still.
        look = _Look(done, give_back)
        try:
            if await asyncio.to_thread(look.take):
                return True
        except BaseException:
            look.abandon()
            raise
        left = limit.left()
        if left == 0:
            return False
        await asyncio.sleep(pause if left is None else min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


class _Look:
    """A look in a thread, which goes on after a cancellation: what it gets then is given back."""

    def __init__(self, done: Callable[[], bool], give_back: Callable[[], object] | None) -> None:
        self._done = done
        self._give_back = give_back
        self._guard = Lock()
        self._got = self._abandoned = False

    def take(self) -> bool:
        """Look, in the thread."""
        got = self._done()
        with self._guard:
            self._got, late = got, self._abandoned
        if got and late and self._give_back is not None:
            self._give_back()
        return got and not late

    def abandon(self) -> None:
        """Say that nobody waits for the outcome any more."""
        with self._guard:
            self._abandoned, early = True, self._got
        if early and self._give_back is not None:
            self._give_back()
