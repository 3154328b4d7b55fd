"""The outermost flow runs of this process, and whether it was asked to end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from legato._engine.effects import Cause
from legato._sdk import at_work
from legato._sdk import platform_posix as platform
from legato._sdk.context import FlowRunContext
from legato._sdk.exceptions import TerminationSignal
from legato._sdk.platform_posix import Handlers

if TYPE_CHECKING:
    from legato._backend.port import Backend

_NUDGE_TRIES = 200
_UNHEARD_NUDGES = 10
"""After so many in vain another signal is sent: CPython misses one that comes as a wait begins."""


class _Late:
    """The signal that came while our code was at work."""

    def __init__(self, of: Watch) -> None:
        self._of = of

    @property
    def thread_id(self) -> int:
        return threading.main_thread().ident or 0

    def take(self) -> BaseException:
        return self._of.take() or self._of.signal_again()


class Watch:
    """What the signal handlers see, and what they leave behind.

    `signalled` is the signal that came, `undelivered` the same until it was raised in the user's
    code, `nudged` tells that the handler was called again to look whether that is at work.
    """

    def __init__(self) -> None:
        self.runs: list[FlowRunContext] = []
        self.on_main: list[FlowRunContext] = []  # those for which the signals are taken
        self.homes: list[Backend] = []  # of runs that were interrupted and have ended
        self.over = threading.Event()
        self._late = _Late(self)
        self.forget()

    def forget(self) -> None:
        """Start with nothing, as a forked child does."""
        self.runs.clear()
        self.on_main.clear()
        self.homes.clear()
        self.signalled: BaseException | None = None
        self._settle()
        self.handlers: Handlers | None = None
        self.nudged = False
        self._unheard = 0
        self._ending = threading.Lock()

    def begin(self, handlers: Handlers, asks_loop: bool, cancel: Any = None) -> None:
        """Take the signals; what was before is forgotten."""
        self.signalled = None
        self.homes.clear()
        self._settle()
        self.over, self.handlers = threading.Event(), handlers
        handlers.install(asks_loop, cancel)

    def end(self) -> None:
        """Give the signals back, once none that we sent is on its way."""
        self.over.set()
        with self._ending:
            handlers, self.handlers = self.handlers, None
        for _ in range(_NUDGE_TRIES):  # the user may have taken the handler away
            if not self.nudged:
                break
            time.sleep(0.0005)
        if handlers is not None:
            handlers.restore()

    def nudge(self, signum: int) -> None:
        """Call the handler once more on the main thread."""
        with self._ending:
            self._unheard = self._unheard + 1 if self.nudged else 0
            if self.handlers is not None and self._unheard % _UNHEARD_NUDGES == 0:
                self.nudged = True
                platform.signal_main_thread(signum)

    def take(self) -> BaseException | None:
        """Return the signal that the user's code has not seen yet, which it now does."""
        signal = self.undelivered
        self._settle()
        return signal

    def hold(self) -> None:
        """Have the signal raised where the user's code calls us next, if not before."""
        at_work.hold(self._late)

    def _settle(self) -> None:
        self.undelivered: BaseException | None = None
        at_work.drop(self._late)

    def signal_again(self) -> BaseException:
        """Return the signal anew, for a thread whose runs may not go on."""
        if platform.on_main_thread():
            self._settle()
        if isinstance(self.signalled, TerminationSignal):
            return TerminationSignal(*self.signalled.args)
        return KeyboardInterrupt()

    @property
    def cause(self) -> Cause | None:
        """The kind of end that the signal asks for, if there was one."""
        if self.signalled is None:
            return None
        return "termination" if isinstance(self.signalled, TerminationSignal) else "interrupt"


watch = Watch()
