"""Waiting, in a thread and on a loop; the clock of the tests can take its place."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from legato._sdk.at_work import waits_for_long
from legato._sdk.deadlines import DeadlinePassed

sleeper: Callable[[float], None] = time.sleep


@waits_for_long
def sleep(seconds: float) -> None:
    """Wait on this thread; signals interrupt it."""
    if seconds > 0:
        sleeper(seconds)


async def asleep(seconds: float) -> None:
    """Wait on the running loop."""
    import asyncio

    if sleeper is time.sleep:
        await asyncio.sleep(seconds)
    else:
        sleeper(seconds)


@asynccontextmanager
async def deadline(seconds: float, owner: Any) -> AsyncGenerator[None, None]:
    """Cancel the body after `seconds`; raise DeadlinePassed for `owner` then."""
    import asyncio

    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError:
        if scope.expired():
            raise DeadlinePassed(owner) from None
        raise
