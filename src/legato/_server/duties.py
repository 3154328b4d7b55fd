"""What the server does without being asked: each duty in a thread of its own, again and again.

Duties that are to be done once, however many servers share the database, are done by the one that
leads (`leadership.py`); the others stand by.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from logging import getLogger
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

_log = getLogger("legato.server")
_JITTER = 0.2
"""By up to so much sooner a tick comes, so that duties and servers do not keep step."""
_STANDBY_SECONDS = 1.0
_STALLED = 3
"""A duty is stalled that is so many of its intervals behind, or so many seconds if that is more."""
_STALLED_SECONDS = 30.0


class Leadership(Protocol):
    """Tells whether this server leads."""

    every: float
    """After how many seconds it is to be renewed."""

    def is_ours(self) -> bool: ...

    def renew(self) -> None:
        """Take the lead if nobody has it, keep it if it is ours."""
        ...

    def give_up(self) -> None:
        """Let another server lead at once."""
        ...


class DutyStatus(Struct, kw_only=True):
    """How a duty fares. Times are seconds."""

    name: str
    every: float
    standby: bool = False
    """Whether another server does it."""
    ticks: int = 0
    failures: int = 0
    last_took: float = 0.0
    last_error: str | None = None
    """What the last tick failed of; None: it did not fail."""
    lag: float = 0.0
    """For how long a tick is overdue, or goes on beyond the time of the next."""
    stalled: bool = False
    """Whether it is so far behind, or fails, that somebody should look."""


class Duty:
    """Work that is done every so many seconds; a tick that fails is logged, and the next comes.

    It comes a little sooner by chance, and never later. Work that returns True has left something
    for a tick that follows at once. `alone`: it is done by the server that leads.
    """

    def __init__(
        self, name: str, every: float, work: Callable[[], object], *, alone: bool = False
    ) -> None:
        self._status = DutyStatus(name=name, every=every)
        self._work, self._alone = work, alone
        self._leadership: Leadership | None = None
        self._stopping = threading.Event()
        self._due = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"legato-{name}", daemon=True)

    def start(self, leadership: Leadership | None = None) -> None:
        """Begin; the first tick comes at once, or as soon as this server leads."""
        self._leadership, self._due = leadership, time.monotonic()
        self._thread.start()

    def halt(self) -> None:
        """Let no further tick begin."""
        self._stopping.set()

    def stop(self, timeout: float) -> None:
        """Let no further tick begin, and wait for the one at work."""
        self.halt()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def status(self) -> DutyStatus:
        """How it fares now."""
        found = self._status
        behind = 0.0 if found.standby else max(0.0, time.monotonic() - self._due)
        limit = max(_STALLED * found.every, _STALLED_SECONDS)
        return replace(found, lag=behind, stalled=behind > limit or found.last_error is not None)

    def tick(self) -> object:
        """Do the work once; return what it returned, None if it failed."""
        status, began = self._status, time.monotonic()
        status.ticks += 1
        more = None
        try:
            more = self._work()
            status.last_error = None
        except Exception as error:  # noqa: BLE001 - a duty goes on; the log has it
            status.failures += 1
            status.last_error = f"{type(error).__name__}: {error}"
            _log.exception("The duty %r failed; it is tried again.", status.name)
        status.last_took = time.monotonic() - began
        return more

    def _run(self) -> None:
        while not self._stopping.is_set():
            leads = self._leadership is None or self._leadership.is_ours()
            self._status.standby = self._alone and not leads
            if self._status.standby:
                self._wait(_STANDBY_SECONDS)
            elif self.tick() is True:
                self._due = time.monotonic()
            else:
                sooner = 1 - _JITTER * random.random()  # noqa: S311 - it keeps no secret
                self._wait(self._status.every * sooner)

    def _wait(self, seconds: float) -> None:
        self._due = time.monotonic() + seconds
        self._stopping.wait(seconds)


class Duties:
    """All duties of a server, started and stopped together."""

    def __init__(self, duties: Sequence[Duty], leadership: Leadership | None = None) -> None:
        self._duties, self._leadership = list(duties), leadership
        if leadership is not None:
            self._duties.insert(0, Duty("leader", leadership.every, leadership.renew))

    def start(self) -> None:
        for duty in self._duties:
            duty.start(self._leadership)

    def halt(self) -> None:
        """Let no further tick begin."""
        for duty in self._duties:
            duty.halt()

    def stop(self, timeout: float) -> None:
        """End all of them within `timeout` seconds; who is not done by then is left behind."""
        end = time.monotonic() + timeout
        self.halt()
        for duty in self._duties:
            duty.stop(max(0.0, end - time.monotonic()))
        if self._leadership is not None:
            self._leadership.give_up()

    def status(self) -> list[DutyStatus]:
        """Return how each of them fares."""
        return [duty.status for duty in self._duties]
