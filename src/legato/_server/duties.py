"""What the server does without being asked: each duty in a thread of its own, again and again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from logging import getLogger

from msgspec import Struct

_log = getLogger("legato.server")
_JITTER = 0.2


class DutyStatus(Struct, kw_only=True):
    """How a duty fares. Times are seconds."""

    name: str
    every: float
    ticks: int = 0
    failures: int = 0
    last_took: float = 0.0
    last_error: str | None = None


class Duty:
    """Work that is done every so many seconds; a tick that fails is logged, and the next comes."""

    def __init__(self, name: str, every: float, work: Callable[[], object]) -> None:
        self.status = DutyStatus(name=name, every=every)
        self._work = work
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"legato-{name}", daemon=True)

    def start(self) -> None:
        """Begin; the first tick comes at once."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Let no further tick begin, and wait for the one at work."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def tick(self) -> None:
        """Do the work once."""
        status, began = self.status, time.monotonic()
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - a duty goes on; the log has it
            status.failures += 1
            status.last_error = f"{type(error).__name__}: {error}"
            _log.exception("The duty %r failed; it is tried again.", status.name)
        status.ticks += 1
        status.last_took = time.monotonic() - began

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick()
            shift = 1 + _JITTER * (random.random() * 2 - 1)  # noqa: S311 - it keeps no secret
            self._stopping.wait(self.status.every * shift)


class Duties:
    """All duties of a server, started and stopped together."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = duties

    def start(self) -> None:
        for duty in self._duties:
            duty.start()

    def stop(self, timeout: float) -> None:
        for duty in self._duties:
            duty.stop(timeout)

    def status(self) -> list[DutyStatus]:
        """Return how each of them fares."""
        return [duty.status for duty in self._duties]
