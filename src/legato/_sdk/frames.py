"""Where the threads of this process are."""

from __future__ import annotations

import gc
import os
import sys
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_one_at_a_time = RLock()


def of_threads() -> dict[int, FrameType]:
    """Return the innermost frame of each thread, by its id.

    No garbage is collected meanwhile. Python 3.11 holds a lock of the interpreter while it makes
    the frames; a finaliser that runs then, and lets another thread in that wants the same lock,
    would stop the process for ever (https://github.com/python/cpython/issues/106883).
    """
    with _one_at_a_time:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        finally:
            if was_enabled:
                gc.enable()


def _after_fork() -> None:
    global _one_at_a_time  # noqa: PLW0603 - the thread that held the old one is not here
    _one_at_a_time = RLock()


os.register_at_fork(after_in_child=_after_fork)
