"""The turn: which thread may drain."""

from __future__ import annotations

import sys
import threading

# While somebody drains, a computing thread gives up the GIL after this long instead of 5 ms: each
# statement of SQLite loses the GIL two or three times, and a batch has ten of them.
HURRY_SECONDS = 0.0001
_CALM_SECONDS = 2 * HURRY_SECONDS  # the interpreter rounds what it is told


class Turn:
    """A lock that knows its holder, and makes the other threads hurry while it is held."""

    __slots__ = ("_holder", "_interval", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0
        self._interval: float | None = None

    @property
    def mine(self) -> bool:
        """Tell whether the calling thread has it, as in a signal handler that came in."""
        return self._holder == threading.get_ident()

    def take(self, timeout: float = -1) -> bool:
        """Wait at most `timeout` seconds, or as long as it takes; tell whether it was had."""
        if not self._lock.acquire(timeout=timeout):
            return False
        self._holder = threading.get_ident()
        interval = sys.getswitchinterval()
        if interval > _CALM_SECONDS:
            self._interval = interval
            sys.setswitchinterval(HURRY_SECONDS)
        return True

    def end(self) -> None:
        """Let the next thread have it."""
        self.calm()
        self._holder = 0
        self._lock.release()

    def calm(self) -> None:
        """Give other threads their usual time again, unless the user changed it meanwhile."""
        interval, self._interval = self._interval, None
        if interval is not None and sys.getswitchinterval() < _CALM_SECONDS:
            sys.setswitchinterval(interval)
