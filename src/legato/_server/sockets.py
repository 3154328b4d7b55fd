"""The opening of a websocket as Prefect's clients do it: who connects says who he is first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from legato._server.safety import Access

SUBPROTOCOL = "prefect"
REFUSED = 1008
FIRST_FRAME_SECONDS = 10
_REASON_BYTES = 123


async def opened(
    socket: WebSocket, access: Access, prepare: Callable[[], Awaitable[None]] | None = None
) -> bool:
    """Accept a connection; False: it was closed, because nobody said who he is.

    `prepare` is done once that is known, and before it is confirmed.
    """
    if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
        await socket.close(REFUSED, f"The subprotocol {SUBPROTOCOL!r} is needed")
        return False
    await socket.accept(SUBPROTOCOL)
    try:
        async with asyncio.timeout(FIRST_FRAME_SECONDS):
            first = frame(await text_of(socket))
    except (WebSocketDisconnect, ValueError, TimeoutError):
        first = None
    if first is None or first.get("type") != "auth":
        await close(socket, REFUSED, "Expected 'auth' message")
        return False
    token = first.get("token")
    if not access.is_token(token if isinstance(token, str) else None):
        reason = "Invalid token" if token else "Auth required but no token provided"
        await close(socket, REFUSED, reason)
        return False
    if prepare is not None:
        await prepare()
    await socket.send_text('{"type":"auth_success"}')
    return True


async def text_of(socket: WebSocket) -> str:
    """Return the next frame; raise ValueError if it is not text."""
    try:
        return await socket.receive_text()
    except KeyError:
        raise ValueError("A frame of bytes came where text is expected") from None


def frame(text: str) -> dict[str, Any]:
    """Return what a frame says; raise ValueError if it is no JSON object."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"The frame is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("The frame is not a JSON object")  # noqa: TRY004 - the sender's fault
    return cast("dict[str, Any]", found)


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a connection, if it is not closed yet; a frame has room for a short reason only."""
    with suppress(RuntimeError, WebSocketDisconnect):  # it is gone already
        await socket.close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
