"""What every request passes before anything else looks at it: whence, who, how much.

Deny by default: a path is open only if its route object says so. A page of another site that a
user's browser has open can send requests to 127.0.0.1; Host and Origin tell them apart.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from re import compile as compile_pattern

from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legato._server.handshake import refused
from legato._server.headers import STANDING
from legato._server.room import BODY_MAX_BYTES, Body, Room

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_ONCE = ("host", "origin", "authorization", "content-length", "x-prefect-api-version")
"""Headers of which a second one would be read by one part of a server and not by another."""
_HOSTS_MAX = 64
"""What so many Host headers are worth is remembered; most clients send one and the same."""
_PORT = compile_pattern(r":[0-9]{1,5}")


class Access(Struct, frozen=True, kw_only=True):
    """Who is let in. `auth_string` is USER:PASSWORD, `api_key` a token; None: not asked for."""

    hosts: frozenset[str] = frozenset(LOOPBACK)
    auth_string: str | None = None
    api_key: str | None = None

    @property
    def asks(self) -> bool:
        """Whether a client has to say who it is."""
        return self.auth_string is not None or self.api_key is not None

    def admits(self, authorization: str | None) -> bool:
        """Tell whether the header Authorization names somebody who may do all."""
        if not self.asks:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        return any(
            hmac.compare_digest((scheme.lower() + " " + given).encode(), expected.encode())
            for expected in self._expected()
        )

    def is_token(self, token: str | None) -> bool:
        """Tell whether the token of a websocket's first frame is right."""
        known = [text for text in (self.auth_string, self.api_key) if text is not None]
        return not known or any(
            hmac.compare_digest((token or "").encode(), text.encode()) for text in known
        )

    def _expected(self) -> Iterable[str]:
        if self.auth_string is not None:
            yield "basic " + b64encode(self.auth_string.encode()).decode()
            yield "bearer " + self.auth_string
        if self.api_key is not None:
            yield "bearer " + self.api_key

    def knows_host(self, host: str) -> bool:
        """Tell whether a Host header names this server."""
        name, colon, port = host.rpartition(":")
        named = name if _PORT.fullmatch(colon + port) else host
        return named.lower() in self.hosts

    def knows_origin(self, origin: str) -> bool:
        """Tell whether a page that sends requests is this server's own."""
        scheme, _, host = origin.partition("://")
        return scheme in {"http", "https"} and self.knows_host(host)


class Guard:
    """The middleware: refuses before the application sees the request."""

    def __init__(self, app: ASGIApp, access: Access, open_paths: frozenset[str]) -> None:
        self._app, self._access, self._open = app, access, open_paths
        self._room = Room()
        self._knows_host = lru_cache(_HOSTS_MAX)(self._is_known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is not None:
            await _refuse(scope, send, *refusal)
            return
        if scope["type"] == "websocket":  # who connects says in the first frame who it is
            await self._app(scope, receive, send)
            return
        body = Body(receive, self._room, _length(scope))
        try:
            await self._app(scope, body, _hardened(send))
        finally:
            body.close()

    def _is_known(self, host: bytes) -> bool:
        return self._access.knows_host(host.decode("latin-1"))

    def refusal(self, scope: Scope) -> tuple[int, dict[str, str]] | None:
        """Return how a request is refused; None: it is not."""
        headers = dict[bytes, bytes](scope["headers"])
        if len(headers) != len(scope["headers"]):
            names = [name for name, _ in scope["headers"]]
            for name in _ONCE:
                if names.count(name.encode()) > 1:
                    return 400, {"detail": f"The header {name} may stand in a request once."}
        origin = headers.get(b"origin")
        if not self._knows_host(headers.get(b"host", b"")):
            return 421, {"detail": "This server does not answer to that host name."}
        if _is_foreign(scope, headers) or (
            origin is not None and not self._access.knows_origin(origin.decode("latin-1"))
        ):
            return 403, {"detail": "Requests from pages of other sites are refused."}
        if scope["type"] == "websocket" or scope["path"] in self._open:
            return None
        if not self._access.admits(_text(headers.get(b"authorization"))):
            return 401, {"exception_message": "Unauthorized"}
        return _malformed(headers)


def _length(scope: Scope) -> int:
    """Return how long a request says that its body is; 0: it comes in pieces, or there is none."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _is_foreign(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a browser says that another site asks; a link that was clicked may lead here."""
    if headers.get(b"sec-fetch-site") != b"cross-site":
        return False
    return scope.get("method") != "GET" or headers.get(b"sec-fetch-mode") != b"navigate"


def _malformed(headers: Mapping[bytes, bytes]) -> tuple[int, dict[str, str]] | None:
    """Refuse clients of another API, and bodies that say that they are too long."""
    old = refused(_text(headers.get(b"x-prefect-api-version")))
    if old is not None:
        return 400, {"detail": old}
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 15 or int(length) > BODY_MAX_BYTES:
        return 413, {"detail": f"The body is longer than {BODY_MAX_BYTES} bytes."}
    return None


def _hardened(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *STANDING]
        await send(message)

    return sent


async def _refuse(scope: Scope, send: Send, status: int, body: dict[str, str]) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        return
    content = json.dumps(body).encode()
    headers = [
        *STANDING,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
