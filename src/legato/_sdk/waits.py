"""Waiting, in a thread and on a loop; the clock of the tests can take its place."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from legato._sdk import stand_in
from legato._sdk.at_work import waits_for_long
from legato._sdk.deadlines import DeadlinePassed


@waits_for_long
def sleep(seconds: float) -> None:
    """Wait on this thread; signals interrupt it."""
    if seconds > 0:
        if stand_in.clock is None:
            time.sleep(seconds)
        else:
            stand_in.clock.sleep(seconds)


async def asleep(seconds: float) -> None:
    """Wait on the running loop."""
    import asyncio

    if stand_in.clock is None:
        await asyncio.sleep(seconds)
    else:
        await stand_in.clock.asleep(seconds)


@asynccontextmanager
async def deadline(seconds: float, owner: Any) -> AsyncGenerator[None, None]:
    """Cancel the body after `seconds`; raise DeadlinePassed for `owner` then."""
    import asyncio

    scope = asyncio.timeout(seconds)
    lift = None
    try:
        async with scope:
            if stand_in.clock is not None:
                loop = asyncio.get_running_loop()
                lift = stand_in.clock.limit(seconds, lambda: scope.reschedule(loop.time()))
            yield
    except TimeoutError:
        if scope.expired():
            raise DeadlinePassed(owner) from None
        raise
    finally:
        if lift is not None:
            lift()
