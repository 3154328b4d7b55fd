"""The turn: which thread may drain."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

# While somebody drains, a computing thread gives up the GIL after this long instead of 5 ms: each
# statement of SQLite loses the GIL two or three times, and a batch has ten of them.
HURRY_SECONDS = 0.0001
_CALM_SECONDS = 2 * HURRY_SECONDS  # the interpreter rounds what it is told


class Turn:
    """A lock that knows its holder, and makes the other threads hurry while it is held."""

    __slots__ = ("_interval", "_lock")

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()  # the interpreter notes whose it is as it is taken
        self._interval: float | None = None

    @property
    def mine(self) -> bool:
        """Tell whether the calling thread has it, as in a signal handler that came in."""
        owned: bool = self._lock._is_owned()  # noqa: SLF001 - threading.Condition asks it, too
        return owned

    def during(self, work: Callable[[], object], timeout: float = -1) -> bool:
        """Do `work` in the turn; wait for it at most `timeout` seconds, or as long as it takes.

        Tells whether it was had. Whatever a signal handler raises, and wherever, the turn ends:
        only `with` and the lock themselves are sure of that.
        """
        lock = self._lock
        try:
            if not lock.acquire(timeout=timeout):
                return False
            with lock:
                lock.release()
                self._hurry()
                try:
                    work()
                finally:
                    self.calm()
            return True
        finally:
            while self.mine:  # something came in between `acquire` and `with`
                lock.release()

    def take(self, timeout: float = -1) -> bool:
        """Have the turn until `end`, as around a fork; tell whether it was had."""
        if not self._lock.acquire(timeout=timeout):
            return False
        self._hurry()
        return True

    def end(self) -> None:
        """Let the next thread have it."""
        self.calm()
        self._lock.release()

    def _hurry(self) -> None:
        interval = sys.getswitchinterval()
        if interval > _CALM_SECONDS:
            self._interval = interval
            sys.setswitchinterval(HURRY_SECONDS)

    def calm(self) -> None:
        """Give other threads their usual time again, unless the user changed it meanwhile."""
        interval, self._interval = self._interval, None
        if interval is not None and sys.getswitchinterval() < _CALM_SECONDS:
            sys.setswitchinterval(interval)
