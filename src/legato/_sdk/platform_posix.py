"""Signals and timers of POSIX systems."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from legato._sdk import at_work, frames

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

_INT, _TERM, _DEFAULT = int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIG_DFL)
SOON_SECONDS = 0.001  # until the next look whether the user's code is at work
_AGAIN_SECONDS = 0.05
"""The alarm comes again until it was seen: CPython misses a signal that comes as a wait begins."""


def on_main_thread() -> bool:
    """Tell whether signals handlers may be set here."""
    return threading.current_thread() is threading.main_thread()


def can_use_timer() -> bool:
    """Tell whether the timer signal is free for us."""
    if not on_main_thread():
        return False
    handler = signal.getsignal(signal.SIGALRM)
    return handler in (signal.SIG_DFL, signal.SIG_IGN, None) or handler is _on_alarm


class TimerScope:
    """A timer on the main thread; scopes nest, the one that ends first fires first."""

    stack: ClassVar[list[TimerScope]] = []

    def __init__(self, seconds: float, alarm: BaseException) -> None:
        self.ends = time.monotonic() + seconds
        self.alarm = alarm
        self.fired = False
        self.thread_id = threading.get_ident()
        self._previous: Any = None

    def start(self) -> None:
        """Arm the timer."""
        self._previous = signal.signal(signal.SIGALRM, _on_alarm)
        TimerScope.stack.append(self)
        _arm()

    def stop(self) -> None:
        """Disarm it, and arm that of the scope around."""
        TimerScope.stack.remove(self)
        at_work.drop(self)
        if TimerScope.stack:
            _arm()
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._previous)

    def take(self) -> BaseException:
        """Return the alarm; the timer goes on for the others."""
        self.fired = True
        _arm()
        return self.alarm


def _arm() -> None:
    ends = [scope.ends for scope in TimerScope.stack if not scope.fired]
    if ends:
        _ring_in(max(min(ends) - time.monotonic(), 1e-6))
    else:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ring_in(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)


def _on_alarm(signum: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    due = [s for s in TimerScope.stack if not s.fired and s.ends <= now + 1e-4]
    if not due:
        _arm()
    elif at_work.is_ours(frame):
        at_work.hold(due[0])
        _ring_in(SOON_SECONDS)
    else:
        at_work.drop(due[0])
        raise due[0].take()


def activity(native_id: int) -> str | None:
    """Return what changes whenever a thread of this process runs; None: it runs or waits to run.

    Empty where the system does not tell (only Linux does). A thread that waits for the
    interpreter looks for it every few milliseconds, so it changes too.
    """
    try:
        with open(f"/proc/self/task/{native_id}/stat", encoding="ascii", errors="replace") as file:
            state = file.read().rpartition(")")[2].split()[0]
        with open(f"/proc/self/task/{native_id}/schedstat", encoding="ascii") as file:
            ran = file.read()
    except OSError:
        return ""
    return None if state == "R" else ran


def signal_main_thread(signum: int) -> None:
    """Send a signal to the thread on which handlers run."""
    signal.pthread_kill(threading.main_thread().ident or 0, signum)


def raise_in_thread(thread_id: int, kind: type[BaseException]) -> bool:
    """Raise in another thread at its next bytecode; False: our own code is at work there."""
    if at_work.is_ours(frames.of_threads().get(thread_id)):
        return False
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(kind))
    return True


_stand_ins: list[Any] = []


def stand_in_for_default_terminate(action: Callable[[], None]) -> None:
    """Have the next SIGTERM call `action`, which ends the process, if nobody handles it yet."""

    def handler(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        action()

    if on_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        _stand_ins.append(handler)
        signal.signal(signal.SIGTERM, handler)


def give_terminate_back() -> None:
    """Let SIGTERM end this process at once again, if it is a stand-in that would be called."""
    if on_main_thread() and signal.getsignal(signal.SIGTERM) in _stand_ins:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def keeping_terminate() -> Generator[None, None, None]:
    """Give SIGTERM back to who handled it before the body, whatever the body has set."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if on_main_thread() and callable(before):
            signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    """Send this process a SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


# `signal` turns numbers and handlers into enumerations and back at every call, which costs eight
# times what the call does: a flow makes eight of them
_raw: Any = vars(signal).get("_signal", signal)


class Handlers:
    """Signal handlers of ours while an outermost flow runs on the main thread.

    Handlers that the user has set are left alone. Where the flow is async, the handler of Ctrl-C
    that asyncio or a notebook's kernel has set is called by ours, or `cancel` if there is none.
    Else it takes no part: the loop stands still.
    """

    def __init__(self, on_interrupt: Any, on_terminate: Any) -> None:
        self._ours = ((_INT, on_interrupt), (_TERM, on_terminate))
        self._before: dict[int, tuple[Any, Any]] = {}

    def install(self, asks_loop: bool, cancel: Any = None) -> None:
        """Take the signals that Python's own handlers, or those of a loop, have."""
        if not on_main_thread():
            return
        for number, ours in self._ours:
            before = _raw.getsignal(number)
            is_default = before == _DEFAULT or before is signal.default_int_handler
            is_loops = not is_default and _is_of_loop(before)
            if is_default or is_loops or before in _stand_ins:
                asked = (before if is_loops else cancel) if asks_loop else None
                handler = partial(ours, before=asked)
                _raw.signal(number, handler)
                self._before[number] = (handler, before)

    def restore(self) -> None:
        """Give them back."""
        for number, (handler, before) in self._before.items():
            if _raw.getsignal(number) is handler:
                _raw.signal(number, before)
        self._before.clear()


def _is_of_loop(handler: Any) -> bool:
    """Tell whether it is asyncio's handler of Ctrl-C, or the one of a kernel for `await`."""
    function: Any = getattr(handler, "func", handler)
    name: str = getattr(function, "__qualname__", "")
    return name == "Runner._on_sigint" or name.endswith("._cancel_on_sigint.<locals>.handle_sigint")
