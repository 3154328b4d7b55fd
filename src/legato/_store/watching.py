"""Noticing that a database has changed, whoever changed it.

A watch calls `wake`, from a thread of its own, when something may have been committed. It may do so
without reason, and several commits may be one call; it keeps quiet about none for long. What has
changed is read from the ordered log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from legato._model.errors import StoreError
from legato._store.courtesy import let_pass

LOOK_SECONDS = 0.04


class PollingWatch:
    """A watch that compares a cheap sign of change, again and again."""

    def __init__(self, sign: Callable[[], Any], wake: Callable[[], None]) -> None:
        self._sign, self._wake = sign, wake
        self._closing = threading.Event()
        # before the thread begins: what is committed from now on is another sign
        self._seen = self._look()
        threading.Thread(target=self._run, name="legato-watch", daemon=True).start()

    def close(self) -> None:
        """Stop; a last call may be on its way."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            let_pass()
            found = self._look()
            if found is None or found != self._seen:
                self._seen = found
                self._wake()

    def _look(self) -> Any:
        """Return the sign; None: it cannot be had, so whoever reads finds out why."""
        try:
            return self._sign()
        except StoreError:
            return None
