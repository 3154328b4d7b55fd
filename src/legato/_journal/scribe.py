"""The thread that drains the buffer when nobody else does.

It keeps time rather than the work: on a busy interpreter a second thread that calls SQLite loses
the GIL at every statement and waits up to 5 ms to have it back. So when a window is over it first
raises `due`, and the next thread that appends drains on its own time slice; only where nobody
appends any more does the scribe drain itself.

The first window after a rest is short, so that what begins is seen at once; while records keep
trickling in, windows are ten times as long: a commit for each 10 ms task would cost more than the
task's own bookkeeping (docs/decisions/0008).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

WINDOW_SECONDS = 0.005
LONG_WINDOW_SECONDS = 0.05
GRACE_SECONDS = 0.01


Chore = Callable[[], None]


class _Bell(Protocol):
    def release(self) -> None: ...


class Scribe:
    """A daemon thread, started by the first ring; an idle one costs nothing.

    `backlog` tells whether there is something to do, `drain` does it, `hold` gives the seconds
    for which the store is out of use, `tidy` does a chore. `age` gives the seconds since the buffer
    was taken as a whole: nothing in it is older.
    """

    def __init__(
        self,
        backlog: Callable[[], bool],
        drain: Callable[[], None],
        hold: Callable[[], float],
        tidy: Callable[[Chore], None],
        age: Callable[[], float],
    ) -> None:
        self.due = False
        self.tidies = False
        # one bell at most: whoever pops it rings it, so one window costs one wake-up
        self.bells: list[_Bell] = [_Starter(self)]
        self._backlog = backlog
        self._drain = drain
        self._hold = hold
        self._tidy = tidy
        self._age = age
        self._chore: Chore | None = None
        self._asked = threading.Lock()  # free: somebody has asked; it costs what a sleep does
        self._asked.acquire()
        self._stopped = False

    def ring(self) -> None:
        """Wake the thread if it is idle."""
        try:
            bell = self.bells.pop()
        except IndexError:  # another thread was faster
            return
        bell.release()

    def ask(self, chore: Chore) -> None:
        """Have a chore done soon; one at most waits."""
        self._chore = chore
        with suppress(RuntimeError):  # somebody has asked already
            self._asked.release()
        self.ring()

    def stop(self) -> None:
        """Let the thread end; it never starts again."""
        self._stopped = True
        self.ring()

    def start(self) -> None:
        """Start the thread; while the interpreter shuts down there is none."""
        if self._stopped:
            return
        thread = threading.Thread(target=self._work, name="legato-journal", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self.bells.append(_Starter(self))
            self.due = True

    def _work(self) -> None:
        bell = threading.Lock()
        bell.acquire()
        window = WINDOW_SECONDS
        while not self._stopped:
            self._do_chore()
            if not self._backlog():
                window = WINDOW_SECONDS
                self.bells.append(bell)
                # an append that came before the bell hung saw nobody to wake
                if self._backlog() or self._chore is not None:
                    self.ring()
                bell.acquire()
                self._do_chore()
            self._sleep(self._hold() or window)
            self._leave_it_to_others(window)
            window = LONG_WINDOW_SECONDS
            if self._backlog():
                self.due = True
                self._sleep(GRACE_SECONDS)
                if self.due:
                    self.due = False
                    self._drain()

    def _leave_it_to_others(self, window: float) -> None:
        """Sleep on while other threads drain, at moments that suit them."""
        least = max(window, WINDOW_SECONDS + GRACE_SECONDS)
        while not self._stopped and (left := least - self._age()) > 0:
            self._sleep(left)

    def _sleep(self, seconds: float) -> None:
        """Sleep, but for chores: others may drain for as long as a loop of short flows runs."""
        end = time.monotonic() + seconds
        while self._asked.acquire(timeout=max(0.0, end - time.monotonic())):
            self._do_chore()

    def _do_chore(self) -> None:
        chore, self._chore = self._chore, None
        if chore is not None:
            self.tidies = True
            try:
                self._tidy(chore)
            finally:
                self.tidies = False


class _Starter:
    """The first bell: to ring it starts the thread."""

    __slots__ = ("_scribe",)

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe

    def release(self) -> None:
        self._scribe.start()
