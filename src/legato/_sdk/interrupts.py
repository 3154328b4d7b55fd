"""Ctrl-C and SIGTERM while flows run on the main thread.

The first signal raises in the user's code, and from then on no task of the run starts. The run
ends Crashed, everything is committed, and the process leaves within two seconds even when other
threads sleep. A second signal ends the process at once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

from legato._journal import forks
from legato._sdk import platform_posix as platform
from legato._sdk.exceptions import TerminationSignal
from legato._sdk.flow_execution import FlowExecution
from legato._sdk.watch import watch

GRACE_SECONDS = 1.2
EXIT_INTERRUPT, EXIT_TERMINATE = 130, 143
_WAITS_IN = ("threading.py", "queue.py", "thread.py", "_base.py", "process.py", "pool.py")


@contextmanager
def outermost(run: FlowExecution) -> Generator[None, None, None]:
    """Handle signals while the flow runs, if it is not inside another run."""
    if run.context.outer is not None:
        yield
        return
    mine = watch.handlers is None and platform.on_main_thread()
    if mine:
        _follow_forks()
        watch.begin(platform.Handlers(_on_interrupt, _on_terminate))
    watch.runs.append(run.context)
    try:
        yield
    finally:
        if run.context in watch.runs:  # not in a forked child
            watch.runs.remove(run.context)
        if mine:
            watch.end()


class _InChild:
    """A forked child answers signals as it would without us: its flows are its parent's."""

    def before_fork(self) -> None: ...

    def after_in_parent(self) -> None: ...

    def after_in_child(self) -> None:
        watch.end()
        watch.runs.clear()
        watch.signalled = None


@cache
def _follow_forks() -> None:
    forks.follow(_InChild())


def _on_interrupt(signum: int, frame: Any, before: Any) -> None:
    _ask_to_end(KeyboardInterrupt(), EXIT_INTERRUPT)
    if before is not None:  # asyncio's own, which cancels the main task
        before(signum, frame)
        return
    assert watch.signalled is not None  # noqa: S101 - set above
    raise watch.signalled


def _on_terminate(signum: int, frame: Any, before: Any) -> None:
    signal = TerminationSignal(signum)
    _ask_to_end(signal, EXIT_TERMINATE)
    raise signal


def _ask_to_end(signal: BaseException, code: int) -> None:
    if watch.signalled is not None:
        leave(code)
    watch.signalled = signal
    for run in watch.runs:
        run.interrupted = signal
    threading.Thread(target=_leave_when_stuck, args=(code, watch.over), daemon=True).start()


def _leave_when_stuck(code: int, over: threading.Event) -> None:
    """End the process when its main thread only waits for other threads.

    User code that cleans up on the main thread is left to finish; a second signal cuts it short.
    """
    pause = GRACE_SECONDS
    while not over.wait(pause):
        pause = 0.2
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        frame = frames.get(threading.main_thread().ident or 0)
        if frame is not None and os.path.basename(frame.f_code.co_filename) in _WAITS_IN:
            _close_as_crashed()
            leave(code)


def _close_as_crashed() -> None:
    message = "Execution was aborted by an interrupt signal."
    if isinstance(watch.signalled, TerminationSignal):
        message = "Execution was aborted by a termination signal."
    for home in {id(run.backend): run.backend for run in watch.runs}.values():
        home.close_own_runs(message)


def leave(code: int) -> None:
    """End the process now, without waiting for threads."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)


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
    if code is None or watch.signalled is None:
        return
    import atexit

    sleeping = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    if not sleeping:
        atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    else:
        _flush_journals()
    leave(code)


def _flush_journals() -> None:
    from legato._backend.current import current

    current().journal.close(1.0)
