"""Requests that stay open until it is somebody's turn: at slots, at results that others make.

They look again whenever this server has written something, and four times a second for what others
write on the same database. So what is waited for need not say whom it concerns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from legato._model.flights import Ready

LONGEST_SECONDS = 2.0
"""So long one request stays open: a server that ends waits for it, and its client asks again."""
LOOK_SECONDS = 0.25
PACE_SECONDS = 0.02
"""So long one request does not look again, however much is written."""


class Turns:
    """All who wait at this server."""

    def __init__(self) -> None:
        self._stirred = asyncio.Event()
        self._waiting = 0

    def stir(self) -> None:
        """Have those who wait look again."""
        if self._waiting:
            self._stirred.set()
            self._stirred = asyncio.Event()

    async def wait(self, seconds: float, look: Callable[[], Awaitable[Ready]]) -> Ready:
        """Look until there is something that need not be waited for, or the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + min(max(0.0, seconds), LONGEST_SECONDS)
        self._waiting += 1
        try:
            while True:
                stirred = self._stirred  # whatever is written from here on counts
                found = await look()
                left = end - loop.time()
                if found.grants or found.cache_keys or not left > 0:
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_SECONDS)):
                        await stirred.wait()
                        await asyncio.sleep(PACE_SECONDS)
        finally:
            self._waiting -= 1
