"""A line at the bottom of the terminal that changes while others are printed above it.

The line is on the screen only while the cursor would stand at the beginning of a line: progress
bars, dots and prompts of the user's code, which end without a line break, are left alone.
"""

from __future__ import annotations

import builtins
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, TextIO, cast

from legato._cli.tables import fitted

FIRST_SECONDS = 0.4  # short runs never see it
PERIOD_SECONDS = 0.2
ERASE = "\r\x1b[2K"
SPINNER = "|/-\\"


class StatusLine:
    """Shows what `describe` returns, on stderr; empty text: nothing."""

    def __init__(self, describe: Callable[[], str]) -> None:
        self._describe = describe
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="legato-status", daemon=True)
        self._screen = sys.stderr
        self._streams = sys.stdout, sys.stderr
        self._hooks = sys.breakpointhook, builtins.input
        self._text = ""
        self._shown = False
        self._at_start = True  # of a line of the terminal
        self._turn = 0

    def start(self) -> None:
        """Begin to show the line, in a while."""
        sys.stderr = cast("TextIO", Above(sys.stderr, self))
        if sys.stdout.isatty():
            sys.stdout = cast("TextIO", Above(sys.stdout, self))
        sys.breakpointhook, builtins.input = self._on_breakpoint, self._on_input
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork_in_parent,
            after_in_child=self._after_fork_in_child,
        )
        self._thread.start()

    def stop(self) -> None:
        """Take the line away, and give back what was changed."""
        self._over.set()
        with self._lock:
            self._hide()
            self._restore()

    def write(self, stream: TextIO, text: str) -> int:
        """Write to a stream of the user's above the line."""
        with self._lock:
            if self._over.is_set() or not text:
                return stream.write(text)
            self._hide()
            count = stream.write(text)
            stream.flush()
            self._at_start = text.endswith("\n")
            self._show()
            return count

    def _refresh(self) -> None:
        pause = FIRST_SECONDS
        while not self._over.wait(pause):
            pause = PERIOD_SECONDS
            self._turn += 1
            with self._lock:
                if self._over.is_set():
                    return
                self._text = self._describe()
                self._hide()
                self._show()

    def _show(self) -> None:
        if self._text and self._at_start:
            width = shutil.get_terminal_size().columns - 1
            spinner = SPINNER[self._turn % len(SPINNER)]
            self._put(ERASE + fitted(f"{spinner} {self._text}", width))
            self._shown = True

    def _hide(self) -> None:
        if self._shown:
            self._put(ERASE)
            self._shown = False

    def _put(self, text: str) -> None:
        try:
            self._screen.write(text)
            self._screen.flush()
        except (OSError, ValueError):  # the terminal is gone, the run goes on
            self._over.set()

    # what people answer to in the terminal: the line is gone by then

    def _on_breakpoint(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        self.stop()
        hook = self._hooks[0]
        if hook is not sys.__breakpointhook__ or "PYTHONBREAKPOINT" in os.environ:
            return hook(*args, **kwargs)
        import pdb  # noqa: T100 - what Python does, but that would stop in this very frame
        from inspect import currentframe

        frame = currentframe()
        return pdb.Pdb().set_trace(frame.f_back if frame is not None else None)

    def _on_input(self, *args: Any) -> str:
        self.stop()
        return input(*args)

    def _restore(self) -> None:
        sys.stdout, sys.stderr = self._streams
        sys.breakpointhook, builtins.input = self._hooks

    def _before_fork(self) -> None:
        self._lock.acquire()
        if not self._over.is_set():
            self._hide()

    def _after_fork_in_parent(self) -> None:
        self._lock.release()

    def _after_fork_in_child(self) -> None:
        """The line belongs to the parent."""
        self._lock = threading.RLock()
        if not self._over.is_set():
            self._over.set()
            self._shown = False
            self._restore()


class Above:
    """A stream whose text goes above the line; all else is the stream's own."""

    def __init__(self, stream: TextIO, line: StatusLine) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        return self._line.write(self._stream, text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
