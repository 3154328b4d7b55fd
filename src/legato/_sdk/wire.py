"""The way home of remote workers: they connect to a socket of the flow's process.

Both ends prove that they know a random token before either unpickles anything. What follows is
not encrypted.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_SECONDS = 10.0
TOKEN_BYTES = 32


class Home(NamedTuple):
    """Where the process of a flow listens."""

    host: str
    port: int
    token: bytes


class Wire:
    """Listens on `host`; calls `serve` with each connection, in a thread of its own."""

    def __init__(self, host: str, serve: Callable[[Connection], None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = socket.create_server((host, 0), family=family, backlog=128)
        self.home = Home(host, self._server.getsockname()[1], secrets.token_bytes(TOKEN_BYTES))
        self._serve = serve
        self._lock = Lock()
        self._open: set[Connection] = set()
        self._closed = False
        Thread(target=self._accept, name="wire", daemon=True).start()

    def close(self) -> None:
        """Listen no more, and hang up."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                hang_up(connection)
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = _connection_of(self._server.accept()[0])
                Thread(target=self._attend, args=(connection,), name="wire", daemon=True).start()

    def _attend(self, connection: Connection) -> None:
        with self._lock:
            if self._closed:
                connection.close()
                return
            self._open.add(connection)
        try:
            deliver_challenge(connection, self.home.token)
            answer_challenge(connection, self.home.token)
            self._serve(connection)
        except (AuthenticationError, EOFError, OSError):
            pass  # a stranger, or a worker that is gone
        finally:
            with self._lock:
                self._open.discard(connection)
                connection.close()


def connect(home: Home) -> Connection:
    """Return a connection to the process of a flow; raise OSError where there is none."""
    try:
        plain = socket.create_connection((home.host, home.port), CONNECT_SECONDS)
    except OSError as error:
        raise ConnectionError(
            f"The worker cannot reach the process of the flow at {home.host}:{home.port}, where "
            f"states and logs go: {error}."
        ) from error
    plain.settimeout(None)
    connection = _connection_of(plain)
    answer_challenge(connection, home.token)
    deliver_challenge(connection, home.token)
    return connection


def hang_up(connection: Connection) -> None:
    """End a connection on which another thread may listen; what has arrived can still be read."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as plain:
        plain.shutdown(socket.SHUT_RDWR)


def _connection_of(plain: socket.socket) -> Connection:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(plain.detach())
