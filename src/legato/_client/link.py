"""The connections of a process to its server: HTTP/1.1, kept open, one for each thread at work."""

from __future__ import annotations

import errno
import http.client
import select
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from msgspec import Struct

from legato._client.routes import Route
from legato._client.tracing import carried
from legato._model.errors import ServerAway

if TYPE_CHECKING:
    from legato._settings.table import Settings

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
IDLE = 8
"""How many connections are kept that nobody uses."""
Around = Callable[[socket.socket], AbstractContextManager[object]]


class Response(Struct, frozen=True):
    """An answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Link:
    """Sends requests to the API at `url`; several threads may at once."""

    def __init__(self, route: Route, headers: Mapping[str, str]) -> None:
        self.url = route.url
        self._route, self._headers = route, {**route.headers, **headers}
        self._idle: list[http.client.HTTPConnection] = []

    def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        around: Around = nullcontext,
    ) -> Response:
        """Send a body and return the answer; raise ServerAway if there is none.

        `around` makes the block in which the connection is this request's, to be broken off.
        """
        return self._request("POST", path, body, {**self._headers, **carried(), **headers}, around)

    def get(self, path: str) -> Response:
        """Return what is found at a path; raise ServerAway if nothing is answered."""
        return self._request("GET", path, None, self._headers)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        around: Around = nullcontext,
    ) -> Response:
        try:
            connection = self._connection()
            try:
                with around(connection.sock):
                    connection.request(method, self._route.prefix + path, body, dict(headers))
                    answer = connection.getresponse()
                    content = answer.read()
            except BaseException:
                connection.close()
                raise
        except (OSError, http.client.HTTPException) as error:
            raise ServerAway(f"{self.url} cannot be reached: {said(error)}.") from error
        if len(self._idle) < IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, named, content)

    def _connection(self) -> http.client.HTTPConnection:
        """Return an open connection; what the server has closed meanwhile is left."""
        while self._idle:
            try:
                kept = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if kept.sock is not None and not _has_ended(kept.sock):
                return kept
            kept.close()
        route = self._route
        near = route.proxy or route
        kind = http.client.HTTPSConnection if route.secure else http.client.HTTPConnection
        made = kind(near.host, near.port, timeout=CONNECT_SECONDS)
        if route.secure and route.proxy is not None:
            made.set_tunnel(route.host, route.port, dict(route.proxy.headers))
        made.connect()
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.sock.settimeout(ANSWER_SECONDS)
        return made

    def close(self) -> None:
        """Close what nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def leave_behind(self) -> object:
        """After a fork, in the child: return the parent's connections, not to be closed here."""
        idle, self._idle = self._idle, []
        return idle


def _has_ended(sock: socket.socket) -> bool:
    """Tell whether the other side has closed, or sent what nobody asked for."""
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    look = select.poll()
    look.register(sock, select.POLLIN)
    return bool(look.poll(0))


def said(error: Exception) -> str:
    """Return in words why there is no answer."""
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return "nobody listens there"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError | EOFError):
        return "the connection was lost"
    return (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"


def identifying(settings: Settings) -> dict[str, str]:
    """Return the headers that say who sends."""
    if settings.api_auth_string is not None:
        token = b64encode(settings.api_auth_string.encode()).decode()
        return {"Authorization": f"Basic {token}"}
    if settings.api_key is not None:
        return {"Authorization": f"Bearer {settings.api_key}"}
    return {}
