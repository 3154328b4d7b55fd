"""Bodies of requests as JSON values."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from legato._model.edges import DEPTH_MAX, is_too_deep
from legato._model.faults import of_the_body

ECHO_MAX_BYTES = 64 * 1024
"""Of a longer body, an error says what is wrong but does not repeat it."""


async def received(receive: Receive) -> bytes:
    """Return the whole body of a request; raise ClientDisconnect if its client is gone before."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def decoded(raw: bytes) -> Any:
    """Return what a body says; raise InvalidRequest if that is no JSON, or nested too deeply."""
    if not raw:
        return {}
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise of_the_body(f"The body is not JSON: {error}.") from None
    if raw.count(b"[") + raw.count(b"{") > DEPTH_MAX and is_too_deep(value):
        raise of_the_body(f"The body has more than {DEPTH_MAX} levels within each other.")
    return value
