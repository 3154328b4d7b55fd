"""The clock that tests put in the place of time; there is none outside of tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class StandIn(Protocol):
    """A clock by which runs wait and run out of time."""

    def sleep(self, seconds: float) -> None:
        """Wait on this thread."""
        ...

    async def asleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        ...

    def limit(self, seconds: float, expire: Callable[[], None]) -> Callable[[], None]:
        """Call `expire` in a wait of this thread that goes beyond; return what lifts the limit."""
        ...


clock: StandIn | None = None
