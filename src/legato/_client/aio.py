"""The connections of event loops to their server: HTTP/1.1, asked without a thread.

A connection belongs to the loop that it was made on. It is kept for the next request while a client
is open there; what is asked without one, or at its end, leaves nothing open behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Any, cast
from weakref import WeakKeyDictionary

from httptools import HttpParserError, HttpResponseParser

from legato._client import sessions
from legato._client.link import ANSWER_SECONDS, CONNECT_SECONDS, IDLE, Response, said
from legato._client.routes import Route
from legato._client.tracing import carried
from legato._model.errors import ServerAway

_PIECE = 64 * 1024
_CLOSE_SECONDS = 1.0


class _Lost(ConnectionError):
    """The other side has closed before all was said."""


class _Answer:
    """What the parser is told to tell: the answer, piece by piece."""

    def __init__(self) -> None:
        self.parser: Any = HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.is_whole = self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.is_whole, self.keeps = True, self.parser.should_keep_alive()
        else:  # of 1xx the answer itself follows
            self.headers.clear()

    @property
    def status(self) -> int:
        return cast("int", self.parser.get_status_code())

    def ends(self) -> bool:
        """Tell whether the end of the connection is the end of the answer: it says no length."""
        said_how = {"content-length", "transfer-encoding"} & self.headers.keys()
        return bool(self.headers) and not said_how


class _Connection:
    """One connection, asked one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def has_ended(self) -> bool:
        """Tell whether the other side has closed."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def ask(self, head: str, body: bytes) -> tuple[Response, bool]:
        """Send a request; return the answer, and whether another one may follow."""
        self._writer.write(head.encode("latin-1") + body)
        await self._writer.drain()
        answer = _Answer()
        while not answer.is_whole:
            data = await self._reader.read(_PIECE)
            if data:
                answer.parser.feed_data(data)
            elif answer.ends():
                break
            else:
                raise _Lost("the connection was lost")
        return Response(answer.status, answer.headers, b"".join(answer.parts)), answer.keeps

    async def tunnel(self, route: Route) -> None:
        """Have a proxy connect to the server, and begin TLS with that."""
        assert route.proxy is not None  # noqa: S101 - nobody else makes tunnels
        head = _head(f"CONNECT {route.authority}", {"Host": route.authority, **route.proxy.headers})
        self._writer.write(head.encode("latin-1"))
        said_first = await self._reader.readuntil(b"\r\n\r\n")
        status = said_first.split(b" ", 2)[1][:3]
        if status != b"200":
            raise OSError(f"the proxy at {route.proxy.host} answers {status.decode('latin-1')}")
        context = ssl.create_default_context()
        await self._writer.start_tls(context, server_hostname=route.host)

    async def close(self) -> None:
        """Close, without waiting long for the other side."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()


class AsyncLink:
    """Sends requests to an API; those of several loops at once, too."""

    def __init__(self, route: Route, headers: Mapping[str, str]) -> None:
        self._route = route
        self._headers = {"Host": route.authority, **route.headers, **headers}

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send a body and return the answer; raise ServerAway if there is none."""
        told = {**self._headers, **carried(), **headers, "Content-Length": str(len(body))}
        head = _head(f"POST {self._route.prefix}{path}", told)
        try:
            return await self._asked(head, body)
        except (OSError, HttpParserError, EOFError, asyncio.LimitOverrunError) as error:
            message = f"{self._route.url} cannot be reached: {said(error)}."
            raise ServerAway(message) from error

    async def _asked(self, head: str, body: bytes) -> Response:
        connection = await self._connection()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer, keep = await connection.ask(head, body)
        except BaseException:
            connection.abort()
            raise
        loop = asyncio.get_running_loop()
        if keep and sessions.is_open(loop) and len(self._kept(loop)) < IDLE:
            _idle.setdefault(loop, {}).setdefault(self, []).append(connection)
        else:
            await connection.close()
        return answer

    def _kept(self, loop: asyncio.AbstractEventLoop) -> list[_Connection]:
        return _idle.get(loop, {}).get(self, [])

    async def _connection(self) -> _Connection:
        """Return an open connection; what the server has closed meanwhile is left."""
        kept = self._kept(asyncio.get_running_loop())
        while kept:
            found = kept.pop()
            if not found.has_ended:
                return found
            found.abort()
        async with asyncio.timeout(CONNECT_SECONDS):
            return await _connected(self._route)


async def _connected(route: Route) -> _Connection:
    if route.proxy is None:
        context = ssl.create_default_context() if route.secure else None
        return _Connection(*await asyncio.open_connection(route.host, route.port, ssl=context))
    made = _Connection(*await asyncio.open_connection(route.proxy.host, route.proxy.port))
    if route.secure:
        try:
            await made.tunnel(route)
        except BaseException:
            made.abort()
            raise
    return made


_idle: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[AsyncLink, list[_Connection]]]
_idle = WeakKeyDictionary()


def _head(request: str, headers: Mapping[str, str]) -> str:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request} HTTP/1.1\r\n{lines}\r\n"


async def close_idle() -> None:
    """Close what this loop has kept."""
    kept = _idle.pop(asyncio.get_running_loop(), {})
    for connection in [each for connections in kept.values() for each in connections]:
        await connection.close()
