"""How websockets speak on the wire: a client that reads nothing can be told to go, and goes.

The protocol of uvicorn waits with every frame until the client takes what was sent before; the
closing one, too. So who does not read is never rid of. Whoever sends what is no frame, or too long
a one, it closes at once; if more is on its way, that resets the client before it reads why.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

if TYPE_CHECKING:
    from websockets.http11 import Request

CLOSE_SECONDS = 10.0
FRAMES = "legato.frames"
"""The extension of an ASGI scope that is `SocketProtocol.write`."""
SWITCHED = 101


def text_frame(payload: bytes) -> bytes:
    """Return a frame of text as a server sends it."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


class SocketProtocol(WebSocketsSansIOProtocol):
    """A websocket whose closing frame does not wait."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and self.response.status_code == SWITCHED:
            # the application is called when the loop turns next
            extensions: dict[str, Any] = {
                **(self.scope.get("extensions") or {}),
                FRAMES: self.write,
            }
            self.scope["extensions"] = extensions

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is None:  # else the client has been told to go
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Tell a client what was wrong, and take what it still sends."""
        told = self.conn.close_sent
        assert told is not None  # noqa: S101 - it was sent as the frame was refused
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": told.code, "reason": told.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self._give_up)

    async def write(self, data: bytes, patience: float) -> None:
        """Write frames that are made already; what goes to many is made once.

        Raises TimeoutError if the client takes nothing for `patience` seconds.
        """
        if not self.writable.is_set():  # a timer for each write would cost as much as the write
            async with asyncio.timeout(patience):
                await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(data)

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.loop.call_later(CLOSE_SECONDS, self._give_up)
            self.writable.set()
        await super().send(message)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(CLOSE_SECONDS, self._give_up)

    def shutdown(self) -> None:
        super().shutdown()
        if not self.writable.is_set():
            self._give_up()

    def _give_up(self) -> None:
        """End a connection that takes nothing; one that is closed already stays so."""
        if not self.disconnected:
            self.transport.abort()


FRAME_MAX_BYTES = 2 * 1024 * 1024
"""Prefect's clients send events of up to 1.5 MB."""
SOCKETS: dict[str, Any] = {
    "ws": SocketProtocol,
    "ws_max_size": FRAME_MAX_BYTES,
    "ws_per_message_deflate": False,
}
"""How uvicorn is told; frames are small, and compressing them takes longer than sending them."""
