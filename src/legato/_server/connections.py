"""A client's connection: how long it may take, how much it may say, and how it is written to.

The protocol of uvicorn waits for ever for the rest of a head, a body or a reader, and keeps a head
of any length. Who takes too long is closed; so is who goes on sending what nobody reads any more.

It also writes the head of an answer and its body apart. Each would be a system call, and a packet
that wakes the client, so what is written at once is sent at once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from legato._server.answers import WHOLE, Header
from legato._server.headers import STANDING
from legato._store.faults import failpoint

if TYPE_CHECKING:
    from legato._server.at_once import Asked, AtOnce

HEAD_MAX_BYTES = 32 * 1024
"""Of the request line and all headers."""
UNREAD_MAX_BYTES = 32 * 1024 * 1024
"""Who is refused while sending is listened to for so long, so that it reads the answer."""


@lru_cache(maxsize=1)
def _dated(second: int) -> list[tuple[bytes, bytes]]:
    """Return the header Date; uvicorn keeps it itself by a loop that wakes up all the time."""
    return [(b"date", formatdate(second, usegmt=True).encode())]


class _HeadTooLong(Exception):
    """The request line and the headers are too long."""


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with limits of time and size, and with the writes of one turn of the loop joined."""

    head_seconds = 10.0
    """For the request line and the headers."""
    body_seconds = 120.0
    """For a body, and for a client to take an answer."""
    idle_seconds = 30.0
    """Until the next request begins."""
    _watching: asyncio.TimerHandle | None = None
    _due: float | None = None
    """When the client must have sent what is waited for."""
    _taken_by: float | None = None
    """When the client must have taken what was sent to it, however much it asks meanwhile."""
    _in_head = True
    _received = 0
    """Bytes since the part of a request that is waited for began, or since some before that."""
    _read = 0
    """Bytes of the piece that is looked at."""
    _asked: Asked | None = None
    """The request that is begun as soon as its body is here."""
    _refusal = (400, "This is no HTTP request.")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._at_once = cast("AtOnce | None", getattr(self._app(), "at_once", None))
        self._plain = cast("asyncio.Transport", transport)
        self._joined = JoinedWrites(self._plain)
        super().connection_made(cast("asyncio.Transport", self._joined))
        self._expect(self.head_seconds)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)
        if self._asked is not None:
            self._asked.abandon()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that sends no more before it is closed; False: it waits for nothing."""
        self._joined.release()  # the transport takes nothing any more once this returns False
        cycle = cast("Any", self.cycle)
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def handle_websocket_upgrade(self) -> None:
        self._unwatch()
        self.transport = self._plain
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._read = len(data)
        self._received += self._read
        self.server_state.default_headers = _dated(int(time.time()))
        super().data_received(data)
        if self._plain.is_closing():
            return
        if self._in_head and self._received > HEAD_MAX_BYTES:
            self._refuse_head()
        elif self._received > UNREAD_MAX_BYTES and self._is_unread():
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._expect(self.head_seconds)

    def on_headers_complete(self) -> None:
        # an earlier request may stand in this piece, too, and its bytes count no more
        if self._received + self._read > HEAD_MAX_BYTES and self._head_bytes() > HEAD_MAX_BYTES:
            self._refusal = 431, _TOO_LONG
            raise _HeadTooLong
        self._in_head = False
        self._received = 0
        self._expect(self.body_seconds)
        super().on_headers_complete()
        scope = cast("dict[str, Any]", self.scope)
        scope["extensions"] = {WHOLE: partial(self._write_whole, self.cycle)}

    def on_message_complete(self) -> None:
        self._due = None
        self._received = 0
        super().on_message_complete()
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self._begin_at_once(self.cycle, asked)
        else:
            self._expect_another()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._plain.is_closing():
            return
        if self._is_unread():
            self._expect(self.head_seconds)
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._expect_another()

    def _expect_another(self) -> None:
        """Keep a connection for a while that nothing is waited for on."""
        cycle = cast("Any", self.cycle)
        waits = self._due is None and self._taken_by is None
        if waits and cycle is not None and cycle.response_complete:
            self._expect(self.idle_seconds)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Begin with a request whose head has come; perhaps with its body only."""
        asked = None
        if self._at_once is not None and not self.flow.write_paused:
            asked = self._at_once.find(cycle.scope, partial(self._write, cycle))
        if asked is None:
            super()._start_asgi_task(cycle, app)
            return
        # among the tasks, as the server waits for those when it ends
        tasks = cast("set[Any]", self.tasks)
        asked.when_over = tasks.discard
        tasks.add(asked)
        if cycle.more_body:
            self._asked = asked
        else:
            self._begin_at_once(cycle, asked)

    def _app(self) -> Any:
        return cast("Any", self).app

    def _begin_at_once(self, cycle: Any, asked: Asked) -> None:
        if not asked.begin(bytes(cycle.body)):
            super()._start_asgi_task(cycle, self._app())

    async def _write_whole(
        self, cycle: Any, status: int, headers: Sequence[Header], body: bytes
    ) -> None:
        """Write an answer once the client has taken what was sent before."""
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        self._write(cycle, status, headers, body)

    def _write(self, cycle: Any, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Write an answer as uvicorn does in two steps; its headers are known to be fine."""
        if cycle.disconnected or self._plain.is_closing():
            return
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        lines = [b"%s: %s\r\n" % line for line in (*self.server_state.default_headers, *headers)]
        end = _STANDING_END if cycle.keep_alive else _CLOSING_END
        shown = b"" if cycle.scope["method"] == "HEAD" else body
        self._joined.release()
        failpoint("server.before_answer")
        self._plain.write(b"".join([STATUS_LINE[status], *lines, end, shown]))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._plain.close()
        cycle.on_response()

    def pause_writing(self) -> None:
        self._taken_by = self.loop.time() + self.body_seconds
        super().pause_writing()

    def resume_writing(self) -> None:
        self._taken_by = None
        self._expect_another()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too long a one."""
        self._answer(*self._refusal)

    def _refuse_head(self) -> None:
        self._answer(431, _TOO_LONG)

    def _answer(self, status: int, detail: str) -> None:
        body = json.dumps({"detail": detail}).encode()
        head = [
            *_dated(int(time.time())),
            *STANDING,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [b"%s: %s\r\n" % line for line in head]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        self.transport.close()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _is_unread(self) -> bool:
        """Tell whether the request was answered before all of it had come."""
        cycle = cast("Any", self.cycle)
        return cycle is not None and cycle.response_complete and cycle.more_body

    def _expect(self, seconds: float) -> None:
        self._due = self.loop.time() + seconds

    def _watch(self) -> None:
        """Look now and then whether the client is late; a timer for each request costs more."""
        now = self.loop.time()
        if self._taken_by is not None and now > self._taken_by:
            self._plain.abort()
            return
        if self._due is not None and now > self._due:
            self._end()
            return
        self._watching = self.loop.call_later(self.head_seconds / 4, self._watch)

    def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _end(self) -> None:
        """Close a connection whose client is late; say so if it waits for an answer to its head."""
        if self._in_head and self._received and self._taken_by is None:
            self._answer(408, f"The head of a request must come within {self.head_seconds:g} s.")
        else:
            self._plain.abort()


_STANDING_END = b"".join(b"%s: %s\r\n" % line for line in STANDING) + b"\r\n"
_CLOSING_END = b"connection: close\r\n" + _STANDING_END
_TOO_LONG = f"Request line and headers are longer than {HEAD_MAX_BYTES} bytes."


class JoinedWrites:
    """A transport that sends what was written when the loop turns next, or when it is closed."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self.release)
        self._held.append(data)

    def close(self) -> None:
        self.release()
        self._transport.close()

    def release(self) -> None:
        """Send what is held."""
        if self._held:
            failpoint("server.before_answer")
            data = b"".join(self._held)
            self._held.clear()
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
