"""A client's connection: what is written of an answer at once is sent at once.

The protocol writes the head of an answer and its body apart. Each would be a system call, and a
packet that wakes the client.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """HTTP/1.1, with the writes of one turn of the loop joined."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._plain = cast("asyncio.Transport", transport)
        super().connection_made(cast("asyncio.Transport", JoinedWrites(self._plain)))

    def handle_websocket_upgrade(self) -> None:
        self.transport = self._plain
        super().handle_websocket_upgrade()


class JoinedWrites:
    """A transport that sends what was written when the loop turns next, or when it is closed."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self._release)
        self._held.append(data)

    def close(self) -> None:
        self._release()
        self._transport.close()

    def _release(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
