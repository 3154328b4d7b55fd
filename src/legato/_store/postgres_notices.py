"""How servers on one PostgreSQL tell each other that the ordered log has grown.

A notice says up to which position, never what: it may be lost, and whoever hears it reads the log.
Notices go out after the commit, in transactions of their own and on a connection of their own: in
PostgreSQL commits with notices wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger

import psycopg

CHANNEL = "legato_log"
PAUSE_SECONDS = 0.02
"""Between two notices of one process; the first one goes out at once."""
POLL_SECONDS = 0.25
"""After so long without a notice the listener looks for itself."""
_RETRY_SECONDS = 0.5
_DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM log_position"
_log = getLogger("legato.store")


class Notifier:
    """Sends notices from a thread that begins with the first of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._change = threading.Condition()
        self._latest = self._told = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    def note(self, position: int) -> None:
        """Tell the others that the log reaches up to `position`; returns at once."""
        with self._change:
            self._latest = max(self._latest, position)
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(
                    target=self._run, name="legato-notices", daemon=True
                )
                self._thread.start()
            self._change.notify_all()

    def close(self) -> None:
        with self._change:
            self._closing = True
            self._change.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_RETRY_SECONDS * 10)

    def _run(self) -> None:
        connection = None
        while self._due():
            try:
                connection = connection or _connect(self._url, "legato-notices")
                position = self._latest
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(position)))
                self._told = position
                self._pause(PAUSE_SECONDS)
            except psycopg.Error as error:  # the others find out by looking for themselves
                _log.debug("No notice was sent: %s", error)
                _close(connection)
                connection = None
                self._pause(_RETRY_SECONDS)
        _close(connection)

    def _due(self) -> bool:
        with self._change:
            self._change.wait_for(lambda: self._closing or self._latest > self._told)
            return not self._closing

    def _pause(self, seconds: float) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closing, seconds)


class Listener:
    """A watch (see `watching`) that hears notices.

    `known()` is the position up to which this process has followed the log. While more has been
    drawn, the listener calls every POLL_SECONDS: a transaction that gives up sends no notice, and
    what stood behind it can be read from then on.
    """

    def __init__(self, url: str, known: Callable[[], int], wake: Callable[[], None]) -> None:
        self._url, self._known, self._wake = url, known, wake
        self._closing = threading.Event()
        threading.Thread(target=self._run, name="legato-watch", daemon=True).start()

    def close(self) -> None:
        """Stop, within POLL_SECONDS; a last call may be on its way."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            connection = None
            try:
                connection = _connect(self._url, "legato-watch")
                connection.execute(f"LISTEN {CHANNEL}".encode())
                self._wake()  # for what was committed while nobody listened
                self._listen(connection)
            except psycopg.Error as error:
                _log.warning("The database is not listened to; it is tried again: %s", error)
                self._wake()
                self._closing.wait(_RETRY_SECONDS)
            finally:
                _close(connection)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._closing.is_set():
            heard = any(True for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1))
            if heard or self._drawn(connection) > self._known():
                self._wake()

    def _drawn(self, connection: psycopg.Connection) -> int:
        row = connection.execute(_DRAWN).fetchone()
        return 0 if row is None else int(row[0])


def _connect(url: str, name: str) -> psycopg.Connection:
    connection = psycopg.connect(url, autocommit=True, application_name=name)
    connection.execute("SET synchronous_commit = off")  # a notice survives no crash anyway
    return connection


def _close(connection: psycopg.Connection | None) -> None:
    if connection is not None:
        with suppress(psycopg.Error):
            connection.close()
