"""Timeouts of synchronous code.

On the main thread a timer signal raises inside the user's code, also in a blocking call. On other
threads the exception is set from a watcher; it arrives at the next bytecode, so a blocking call
ends first.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from legato._sdk import at_work, stand_in
from legato._sdk import platform_posix as platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class DeadlinePassed(BaseException):
    """The time of `owner` is up. Not an Exception, so that user code does not swallow it."""

    def __init__(self, owner: Any = None) -> None:
        super().__init__("deadline passed")
        self.owner = owner


class Deadline:
    """Raises DeadlinePassed in the body once `seconds` are over."""

    __slots__ = ("_lift", "_owner", "_scope", "_seconds")

    def __init__(self, seconds: float, owner: Any) -> None:
        self._seconds = seconds
        self._owner = owner
        self._scope: platform.TimerScope | Watcher | None = None
        self._lift: Callable[[], None] | None = None

    def __enter__(self) -> None:
        alarm = DeadlinePassed(self._owner)
        if platform.can_use_timer():
            self._scope = platform.TimerScope(self._seconds, alarm)
        else:
            self._scope = Watcher(self._seconds, alarm)
        if stand_in.clock is not None:
            self._lift = stand_in.clock.limit(self._seconds, self._expire)
        self._scope.start()

    def _expire(self) -> None:
        raise DeadlinePassed(self._owner)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._scope is None:
            return
        if isinstance(exc, DeadlinePassed) and exc.owner is None and self._scope.fired:
            exc.owner = self._owner
        self._scope.stop()
        if self._lift is not None:
            self._lift()


class Watcher:
    """Raises the alarm in a thread when the time is up and the user's code is at work there.

    One at a time is on its way in a thread, so that it is known whose it is.
    """

    _under_way: ClassVar[dict[int, Watcher]] = {}

    def __init__(self, seconds: float, alarm: DeadlinePassed) -> None:
        self.thread_id = threading.get_ident()
        self._alarm = alarm
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    @property
    def fired(self) -> bool:
        """Whether this is the one that was raised in its thread."""
        return self._under_way.get(self.thread_id) is self

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        with self._lock:
            self._done.set()
            at_work.drop(self)
            if self.fired:
                del self._under_way[self.thread_id]
        self._timer.cancel()

    def take(self) -> BaseException:
        with self._lock:  # it is not set in the thread meanwhile
            self._done.set()
        return self._alarm

    def _fire(self) -> None:
        while not self._done.wait(platform.SOON_SECONDS):
            with self._lock:
                if self._done.is_set() or self._raised():
                    return

    def _raised(self) -> bool:
        if self._under_way.setdefault(self.thread_id, self) is not self:
            return False
        if platform.raise_in_thread(self.thread_id, DeadlinePassed):
            at_work.drop(self)
            return True
        del self._under_way[self.thread_id]
        at_work.hold(self)
        return False
