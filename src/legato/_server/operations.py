"""Routes from the operation table: a request becomes an operation, its answer a response."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache
from typing import Any, get_origin

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from legato._control.idempotency import Once, Said, once
from legato._model.errors import Error, InvalidRequest, Locked
from legato._model.operations.logs import DownloadLogs
from legato._model.operations.requests import Match, made, matches
from legato._model.operations.spec import Operation
from legato._server import downloads, problems, quirks
from legato._server.bodies import ECHO_MAX_BYTES, decoded
from legato._server.control import Control
from legato._server.measuring import OPERATION
from legato._server.safety import BODY_MAX_BYTES, TooLong
from legato._server.shapes import shaped
from legato._store.port import Transaction

COMPRESSED_FROM_BYTES, COMPRESSION = 4096, 1
"""An answer about one run is smaller; to compress it takes longer than to send it."""


class Operations:
    """The routes of all operations below `base_path`; `rest` answers what is no operation's."""

    def __init__(
        self,
        control: Control,
        base_path: str,
        rest: ASGIApp,
        failed: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._control, self._rest, self._failed = control, rest, failed
        self._prefix = base_path + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # as it was sent: in it, a slash between two parts differs from one within a name
        path = scope["raw_path"].decode("latin-1") if scope["type"] == "http" else ""
        inner = path.removeprefix(self._prefix)
        found = matches(inner) if inner != path else []
        if not found:
            await self._rest(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request, found)
        except TooLong:
            response = too_long()
        except Exception as error:  # noqa: BLE001 - whoever asked gets an answer, the log the rest
            response = await self._failed(request, error)
        await _compressed(request, response)(scope, receive, send)

    async def _respond(self, request: Request, found: list[Match]) -> Response:
        path, method = request.scope["raw_path"].decode("latin-1"), request.method
        slash = found[0].kind.spec.path.endswith("/")
        if slash != path.endswith("/"):
            return _redirect(request, slash=slash)
        for match in found:
            if match.kind.spec.method == method:
                return await self._carry_out(request, match)
        return json_response(*problems.METHOD_NOT_ALLOWED)

    async def _carry_out(self, request: Request, match: Match) -> Response:
        kind, body, raw = match.kind, None, b""
        request.scope[OPERATION] = kind.spec.id
        try:
            raw = await request.body()
            body = decoded(raw)
            asked = quirks.without_nulls(kind, body)
            operation = made(match, asked, request.scope["query_string"].decode("latin-1"))
            return await self._done(request, operation, raw)
        except Error as error:
            if _is_bad_path(error, match):
                return json_response(*problems.NOT_FOUND)
            answer = json_response(
                *problems.answer(error, kind, body, echo=len(raw) <= ECHO_MAX_BYTES)
            )
            if isinstance(error, Locked):
                answer.headers["Retry-After"] = f"{error.retry_after:.3f}"
            return answer
        except ClientDisconnect:
            return Response(status_code=499)

    async def _done(self, request: Request, operation: Operation, raw: bytes) -> Response:
        """Carry an operation out and return its answer."""
        kind = type(operation)
        if isinstance(operation, DownloadLogs):
            return await downloads.logs(self._control, operation)
        if kind.spec.access == "write" and "idempotency-key" in request.headers:
            return await self._once(request, operation, raw)
        position: str | None = None
        if kind.spec.access == "read" and _is_list(kind.spec.answer):
            found, now, position = await self._control.list(operation)
        else:
            found, now = await self._control.send(operation)
        found = quirks.linked(found, request)
        plain = kind.spec.id in quirks.PLAIN_TEXT
        response = _answered(quirks.status(operation, found, now), found, plain=plain)
        if position is not None:
            response.headers["X-Legato-Position"] = position
        return response

    async def _once(self, request: Request, operation: Operation, raw: bytes) -> Response:
        """Carry out what was sent under a key, or answer as the first time."""
        scope = request.scope
        sent = f"{request.method} {scope['path']}?{scope['query_string'].decode('latin-1')}\n"
        key = Once(request.headers["idempotency-key"], sent.encode() + raw)

        def carried_out(tx: Transaction, now: datetime, work: Callable[[], Any]) -> Said:
            def answered() -> Said:
                found = quirks.linked(work(), request)
                answer = _answered(quirks.status(operation, found, now), found)
                return Said(answer.status_code, bytes(answer.body).decode())

            return once(tx, now, key, answered)

        said, _ = await self._control.send(operation, once=carried_out)
        return Response(said.body, said.status, media_type="application/json")


@cache
def _is_list(answer: Any) -> bool:
    """Tell whether an answer is a list, or a page of one."""
    return get_origin(answer) is list or "results" in getattr(answer, "__struct_fields__", ())


def _answered(status: int, found: Any, *, plain: bool = False) -> Response:
    if status == 204:
        return Response(status_code=status)
    if plain:
        return PlainTextResponse(found, status)
    return json_response(status, shaped(found))


def _compressed(request: Request, response: Response) -> Response:
    """Compress a long answer, for a client that takes it so."""
    if len(getattr(response, "body", b"")) < COMPRESSED_FROM_BYTES:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(response.body, COMPRESSION)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def too_long() -> Response:
    """Return the answer to a body that is too long."""
    return json_response(413, {"detail": f"The body is longer than {BODY_MAX_BYTES} bytes."})


def json_response(status: int, content: Any) -> Response:
    """Return JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _redirect(request: Request, *, slash: bool) -> Response:
    """Point to the same place with or without the slash at its end."""
    path = request.url.path.rstrip("/") + ("/" if slash else "")
    return RedirectResponse(str(request.url.replace(path=path)), status_code=307)


def _is_bad_path(error: Error, match: Match) -> bool:
    """Tell whether what stands in the path is no id: then there is no such place."""
    if not isinstance(error, InvalidRequest):
        return False
    return any(found["loc"] in [[name] for name in match.values] for found in error.problems)
