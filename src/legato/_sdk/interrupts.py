"""Ctrl-C and SIGTERM while flows run on the main thread.

The first signal raises in the user's code, and from then on no task of the run starts. The run
ends Crashed and everything is committed, or spooled while another process holds the database; the
process leaves within two seconds even when other threads sleep. A second signal ends it at once.

In a notebook or at a prompt Ctrl-C ends the run in the same way and the process goes on; a second
one is raised again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from legato._journal import forks
from legato._model.errors import StoreError
from legato._sdk import at_work, frames, parking, sessions
from legato._sdk import platform_posix as platform
from legato._sdk.drive import adrive
from legato._sdk.exceptions import TerminationSignal
from legato._sdk.flow_execution import FlowExecution
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from types import FrameType

    from legato._backend.port import Backend

    _Homes = dict[int, Backend]

GRACE_SECONDS = 1.2
NUDGE_SECONDS = 0.01
CLOSING_SECONDS = 0.4
SPOOLING_SECONDS = 0.4
HELD_UP_SECONDS = 0.15
FLUSHING_SECONDS = 0.2
EXIT_INTERRUPT, EXIT_TERMINATE = 130, 143
_WAITS_IN = ("threading.py", "queue.py", "thread.py", "_base.py", "process.py", "pool.py")


_AT_THE_STORE = tuple(os.path.join(at_work.HERE, name, "") for name in ("_journal", "_store"))


@contextmanager
def outermost(run: FlowExecution) -> Generator[None, None, None]:
    """Handle signals while the flow runs, if it is not inside another run."""
    if run.context.outer is not None:
        yield
        return
    on_main = platform.on_main_thread()
    if on_main:
        _take_signals(run)
    watch.runs.append(run.context)
    try:
        yield
    finally:
        still_here = run.context in watch.runs  # not in a forked child
        if still_here:
            watch.runs.remove(run.context)
        if still_here and on_main:
            watch.on_main.remove(run.context)
            if run.context.interrupted:
                _see_to_the_rest(run)
        # flows of one loop overlap: the last one gives the signals back
        if still_here and on_main and not watch.on_main:
            watch.end()
            late = watch.take()
            if late is not None:
                raise late


def _take_signals(run: FlowExecution) -> None:
    isasync = run.flow.isasync
    cancel = _cancel_here() if isasync else None
    if watch.handlers is None:
        _follow_forks()
        watch.begin(platform.Handlers(_on_interrupt, _on_terminate), isasync, cancel)
    else:  # a kernel has put its own in our place since, if it runs another cell
        watch.handlers.install(isasync, cancel)
    watch.on_main.append(run.context)


def _cancel_here() -> Callable[..., object] | None:
    """Return what cancels the current task of asyncio, where nobody else would in a session."""
    loop = parking.running_loop()
    if loop is None or not sessions.go_on_after(KeyboardInterrupt()):
        return None
    import asyncio

    task = asyncio.current_task(loop)
    return None if task is None else lambda *_: loop.call_soon_threadsafe(task.cancel)


class _InChild:
    """A forked child answers signals as it would without us: its flows are its parent's."""

    def before_fork(self) -> None: ...

    def after_in_parent(self) -> None: ...

    def after_in_child(self) -> None:
        handlers = watch.handlers
        watch.forget()
        if handlers is not None:
            handlers.restore()
        platform.give_terminate_back()


@cache
def _follow_forks() -> None:
    forks.follow(_InChild())


def _on_interrupt(signum: int, frame: FrameType | None, before: Any) -> None:
    awaited = before is not None
    if _is_new(KeyboardInterrupt(), signum, EXIT_INTERRUPT, awaited=awaited) and awaited:
        signal = watch.take()
        before(signum, frame)  # asyncio's or the kernel's, which cancels what it runs
        loop = parking.running_loop()
        if loop is not None:
            loop.call_soon_threadsafe(_wake)
        if sessions.go_on_after(signal) and _blocks_loop(frame):
            raise KeyboardInterrupt
    _deliver(frame)


def _wake() -> None:
    """Do nothing: a loop that sleeps sees only now what a kernel's handler has given it."""


def _blocks_loop(frame: FrameType | None) -> bool:
    """Tell whether the user's code is at work in a coroutine of ours, which takes the exception.

    Out of any other coroutine it would end the kernel's loop, and with it the kernel.
    """
    if at_work.is_ours(frame):
        return False
    while frame is not None and frame.f_code is not adrive.__code__:
        frame = frame.f_back
    return frame is not None


def _on_terminate(signum: int, frame: FrameType | None, before: Any) -> None:
    _is_new(TerminationSignal(signum), signum, EXIT_TERMINATE)
    _deliver(frame)


def _deliver(frame: FrameType | None) -> None:
    """Raise in the user's code; while ours is at work wait for the next nudge."""
    if watch.undelivered is None:
        return
    if at_work.is_ours(frame):
        watch.hold()
        return
    signal = watch.take()
    assert signal is not None  # noqa: S101 - just looked at
    raise signal


def _is_new(signal: BaseException, signum: int, code: int, *, awaited: bool = False) -> bool:
    """Tell whether a signal came, and not a nudge; a second one ends the process at once."""
    if watch.nudged:
        watch.nudged = False
        return False
    goes_on = sessions.go_on_after(signal)
    if watch.signalled is not None and not goes_on:
        leave(code)
    watch.signalled = watch.undelivered = signal
    runs = watch.runs
    if goes_on:  # a cell that blocks its loop leaves alone what began on it before
        runs = watch.on_main if awaited else watch.on_main[-1:]
    for run in runs:
        run.interrupted.append(signal)
    args = (signum, None if goes_on else code, watch.over)
    threading.Thread(target=_see_to_the_end, args=args, daemon=True).start()
    return True


def _see_to_the_end(signum: int, code: int | None, over: threading.Event) -> None:
    """See that the signal arrives, and end the process if it then only waits for threads.

    User code that cleans up on the main thread is left to finish; a second signal cuts it short.
    Without a code for it the process goes on.
    """
    grace = time.monotonic() + GRACE_SECONDS
    main = _MainThread()
    while not over.wait(NUDGE_SECONDS):
        if code is None or time.monotonic() < grace:
            if watch.undelivered is not None:
                watch.nudge(signum)
        elif watch.undelivered is not None or main.waits():
            for home in _homes().values():
                home.halt()
            _close_in_time()
            leave(code)


class _MainThread:
    """Looks at the main thread, again and again."""

    def __init__(self) -> None:
        self._spot: tuple[FrameType, int] | None = None
        self._since = 0.0

    def waits(self) -> bool:
        """Tell whether it waits for other threads, or is held up by the store.

        Another process has the database then: user code that cleans up does not get on either.
        """
        frame = frames.of_threads().get(threading.main_thread().ident or 0)
        if frame is None:
            return False
        path = frame.f_code.co_filename
        if at_work.is_wait(frame) or os.path.basename(path) in _WAITS_IN:
            return True
        return path.startswith(_AT_THE_STORE) and self._is_where_it_was(frame)

    def _is_where_it_was(self, frame: FrameType) -> bool:
        spot = frame, frame.f_lasti
        if spot != self._spot:
            self._spot, self._since = spot, time.monotonic()
        return time.monotonic() - self._since >= HELD_UP_SECONDS


def _see_to_the_rest(run: FlowExecution) -> None:
    """Close what threads still do for a run that was interrupted, or have it closed at the end."""
    watch.homes.append(run.backend)
    if not sessions.go_on_after(watch.signalled):
        return
    with suppress(StoreError):  # out of order, which the journal has told
        run.backend.close_rest(run.context.id, _message())


def _message() -> str:
    if isinstance(watch.signalled, TerminationSignal):
        return "Execution was aborted by a termination signal."
    return "Execution was aborted by an interrupt signal."


def _close_in_time() -> None:
    """Store everything and close what is open; spool it while the database cannot be had."""
    left = _homes()
    _for_at_most(CLOSING_SECONDS, _close_as_crashed, left)
    if left:
        _for_at_most(SPOOLING_SECONDS, _abandon, left)


def _homes() -> _Homes:
    homes = [*watch.homes, *(run.backend for run in watch.runs)]
    return {id(home): home for home in homes}


def _for_at_most(seconds: float, work: Callable[[_Homes], None], homes: _Homes) -> None:
    """Do something in a thread that is left alone after some time."""
    thread = threading.Thread(target=work, args=(homes,), daemon=True)
    thread.start()
    thread.join(seconds)


def _close_as_crashed(homes: _Homes) -> None:
    """Take out of `homes` those where that worked."""
    message = _message()
    for key, home in tuple(homes.items()):
        with suppress(StoreError):  # out of order, which the journal has told
            if home.close_own_runs(message):
                homes.pop(key)


def _abandon(homes: _Homes) -> None:
    for home in tuple(homes.values()):
        home.abandon()


def leave(code: int) -> None:
    """End the process now, without waiting for threads."""
    # a pipe that nobody reads keeps whoever writes into it, and what it has locked, for ever
    thread = threading.Thread(target=_flush_streams, daemon=True)
    thread.start()
    thread.join(FLUSHING_SECONDS)
    os._exit(code)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # the last: there is none
            continue


def code_of(exc: BaseException) -> int | None:
    """Return the exit status that an interruption asks for."""
    if isinstance(exc, TerminationSignal):
        return EXIT_TERMINATE
    return EXIT_INTERRUPT if isinstance(exc, KeyboardInterrupt) else None


def leave_if_interrupted(exc: BaseException) -> None:
    """End the process after an uncaught interruption, with the status that shells expect.

    The interpreter would wait for every thread, however long it sleeps.
    """
    code = code_of(exc)
    if code is None or watch.signalled is None or sessions.go_on_after(exc):
        return
    import atexit

    sleeping = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    # of other threads, and of coroutines that a loop which was left in a hurry never went back to
    _close_in_time()
    if not sleeping:
        atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    else:
        _flush_journals()
    leave(code)


def _flush_journals() -> None:
    from legato._backend.current import current

    current().journal.close(1.0)
