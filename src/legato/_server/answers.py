"""Answers of JSON: how they are made, and how they are sent in one piece.

By ASGI, an answer is two messages, its head and its body, and each middleware looks at both. The
answer of an operation is known as a whole, so `Connection` offers to write it at once, in an
extension of the scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, cast

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

WHOLE = "legato.whole"
"""The extension of a scope that writes an answer at once; headers that stand in all are added."""
STATUS = "legato.status"
"""Where in the scope of a request stands the status that it was answered with."""
REQUEST_ID = "X-Request-Id"
ID = "legato.request_id"
"""Where in the scope of a request stands its id."""
Header: TypeAlias = tuple[bytes, bytes]
Whole = Callable[[int, Sequence[Header], bytes], Awaitable[None]]
JSON = b"application/json"
_NAME = REQUEST_ID.lower().encode()


class JsonAnswer(Response):
    """An answer whose body is JSON already."""

    def __init__(self, status: int, body: bytes, media_type: bytes = JSON) -> None:
        # what Response does, for a body and headers that need no encoding
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", media_type)]


def json_response(status: int, content: Any) -> JsonAnswer:
    """Return JSON."""
    return JsonAnswer(status, msgspec.json.encode(content))


async def sent(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer, at once if it is whole and the server can."""
    whole = cast("Whole | None", scope.get("extensions", {}).get(WHOLE))
    if whole is None or not isinstance(response, JsonAnswer):
        await response(scope, receive, send)
        return
    await whole(*parts(response, scope))


def parts(response: Response, scope: Scope) -> tuple[int, Sequence[Header], bytes]:
    """Return status, headers and body of a whole answer, and note in the scope that it is sent."""
    scope[STATUS] = response.status_code
    mark = (_NAME, scope[ID].encode())
    return response.status_code, [*response.raw_headers, mark], bytes(response.body)
