"""The tasks of a flow that was interrupted in a session: they are told, and soon left alone.

The session goes on, so it cannot wait for a thread that sleeps, nor end it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NoReturn

from legato._sdk.sessions import GRACE_SECONDS

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.submission import Submission

LOOK_SECONDS = 0.01


class LeftAlone(BaseException):
    """Ends what is left of a task run that has been recorded as Crashed."""


class Deaf:
    """The backend of a run that was left alone: its journal takes nothing, all else is as ever."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.journal = self

    def append(self, *_: object) -> NoReturn:
        """End the run: no hook, no other try."""
        raise LeftAlone

    hold = append

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def leave(unfinished: set[Submission]) -> None:
    """Interrupt these runs, and wait for them as long as a session may."""
    for seconds in _looks(unfinished):
        time.sleep(seconds)


async def aleave(unfinished: set[Submission]) -> None:
    """Do as `leave` without blocking the loop."""
    for seconds in _looks(unfinished):
        await asyncio.sleep(seconds)


def _looks(unfinished: set[Submission]) -> Generator[float, None, None]:
    """Yield the seconds until the next look."""
    ends = time.monotonic() + GRACE_SECONDS
    while unfinished and time.monotonic() < ends:
        for submission in tuple(unfinished):
            submission.interrupt()
        yield LOOK_SECONDS
    for submission in tuple(unfinished):
        if not submission.future.done:
            deaf: Any = Deaf(submission.run.backend)
            submission.leave_alone(deaf)
