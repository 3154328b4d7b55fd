"""The opening of a websocket as Prefect's clients do it: who connects says who he is first."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from legato._server.safety import Access

SUBPROTOCOL = "prefect"
REFUSED = 1008


async def opened(socket: WebSocket, access: Access) -> bool:
    """Accept a connection; False: it was closed, because nobody said who he is."""
    if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
        await socket.close(REFUSED, f"The subprotocol {SUBPROTOCOL!r} is needed")
        return False
    await socket.accept(SUBPROTOCOL)
    try:
        first = frame(await socket.receive_text())
    except (WebSocketDisconnect, ValueError):
        first = None
    if first is None or first.get("type") != "auth":
        await _close(socket, "Expected 'auth' message")
        return False
    token = first.get("token")
    if not access.is_token(token if isinstance(token, str) else None):
        await _close(socket, "Invalid token" if token else "Auth required but no token provided")
        return False
    await socket.send_text('{"type":"auth_success"}')
    return True


def frame(text: str) -> dict[str, Any]:
    """Return what a frame says; raise ValueError if it is no JSON object."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"The frame is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("The frame is not a JSON object")  # noqa: TRY004 - the sender's fault
    return cast("dict[str, Any]", found)


async def _close(socket: WebSocket, reason: str) -> None:
    try:
        await socket.close(REFUSED, reason)
    except RuntimeError:  # it is gone already
        return
