"""How a server ends: in good order, and never later than ten seconds after it was told to.

Whatever holds it up then (a request that goes on, a writer that waits for the database, a duty) is
left behind: what the server has acknowledged is on disk already.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from logging import getLogger

_log = getLogger("legato.server")
LIMIT_SECONDS = 9.5
"""From the first signal until the process ends, whatever it does."""
REQUESTS_SECONDS = 7
"""So long requests at work may take; then there is time left to close what they used."""
LAST_WORDS_SECONDS = 0.4
"""So long the last words may take of a process that is left."""


class Lifetime:
    """What is done when a server answers, and when it is to end: at a signal, at once at a second.

    `first` is called with the number of the first signal and sees to it that `end` is called.
    """

    def __init__(self, first: Callable[[int], None] | None = None) -> None:
        self.when_ready: list[Callable[[], None]] = []
        """Called when requests are answered."""
        self.last_words: list[Callable[[], None]] = []
        """Called by a process that is left before its time; they have to be short."""
        self._first = first
        self._asked = False
        self._at: float | None = None
        self._ends: Callable[[], None] = lambda: None
        self._lock = threading.RLock()

    def catch(self, ends: Callable[[], None]) -> None:
        """Take the signals of this process; `ends` is called when the server is to end."""
        self._ends = ends
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._signalled)

    def end(self) -> None:
        """End the server."""
        with self._lock:
            if self._at is not None:
                return
            self._at = time.monotonic() + LIMIT_SECONDS
        threading.Thread(target=self._watch, name="legato-end", daemon=True).start()
        self._ends()

    def left(self) -> float:
        """Return for how many seconds the process may go on."""
        return LIMIT_SECONDS if self._at is None else max(0.0, self._at - time.monotonic())

    def leave(self, code: int, *more: Callable[[], None]) -> None:
        """End the process at once, after the last words and `more` of them."""
        # each in a thread of its own, as even a line of a log may wait for ever
        words = [threading.Thread(target=word, daemon=True) for word in (*self.last_words, *more)]
        until = time.monotonic() + LAST_WORDS_SECONDS
        try:
            for word in words:
                word.start()
            for word in words:
                word.join(max(0.0, until - time.monotonic()))
        finally:  # also where there is no thread to be had any more
            os._exit(code)

    def _signalled(self, number: int, _: object) -> None:
        if not self._asked:
            self._asked = True
            if self._first is None:
                self.end()
            else:
                self._first(number)
        elif number == signal.SIGINT:
            self.leave(128 + number)

    def _watch(self) -> None:
        time.sleep(self.left())
        self.leave(1, _tell)


def _tell() -> None:
    _log.error(
        "The server did not end in good order within %g s; it ends now. Nothing that it has"
        " acknowledged is lost.",
        LIMIT_SECONDS,
    )
