"""Routes from the operation table: a request becomes an operation, its answer a response."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache
from typing import Any, get_origin

from msgspec import Raw
from starlette.datastructures import URL
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from legato._control.idempotency import KEY_MAX, Once, Said, once
from legato._model.errors import Crowded, Error, InvalidRequest, Locked
from legato._model.faults import of_the_body
from legato._model.operations.logs import DownloadLogs
from legato._model.operations.requests import Match, made, matches
from legato._model.operations.spec import Operation
from legato._server import downloads, problems, quirks
from legato._server.answers import JsonAnswer, json_response, sent
from legato._server.bodies import ECHO_MAX_BYTES, decoded, received
from legato._server.control import Answer, Control
from legato._server.measuring import OPERATION
from legato._server.room import BODY_MAX_BYTES, TooLong
from legato._server.shapes import shaped
from legato._store.port import Transaction

KEY = b"idempotency-key"
KEY_PARAMETER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of its own for each request, which may then be sent again: within a day"
    " it is carried out once and answered as the first time.",
    "schema": {"type": "string", "maxLength": KEY_MAX},
}
"""Of whatever changes something, as OpenAPI says it."""
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
        found = self._found(scope) if scope["type"] == "http" else []
        if not found:
            await self._rest(scope, receive, send)
            return
        try:
            response = await self._respond(scope, receive, found)
        except TooLong:
            response = too_long()
        except Exception as error:  # noqa: BLE001 - whoever asked gets an answer, the log the rest
            response = await self._failed(Request(scope), error)
        await sent(compressed(scope, response), scope, receive, send)

    def _found(self, scope: Scope) -> list[Match]:
        # as it was sent: in it, a slash between two parts differs from one within a name
        path = scope["raw_path"].decode("latin-1")
        inner = path.removeprefix(self._prefix)
        return matches(inner) if inner != path else []

    def find(self, scope: Scope) -> Match | None:
        """Return the operation that a request asks for; None: it has to be told something else."""
        for match in self._found(scope):
            spec = match.kind.spec
            if spec.method == scope["method"]:
                is_there = spec.path.endswith("/") == scope["raw_path"].endswith(b"/")
                return match if is_there else None
        return None

    async def _respond(self, scope: Scope, receive: Receive, found: list[Match]) -> Response:
        match = self.find(scope)
        if match is not None:
            return await self._carry_out(scope, receive, match)
        slash = found[0].kind.spec.path.endswith("/")
        if slash != scope["raw_path"].endswith(b"/"):
            return _redirect(URL(scope=scope), slash=slash)
        return json_response(*problems.METHOD_NOT_ALLOWED)

    async def _carry_out(self, scope: Scope, receive: Receive, match: Match) -> Response:
        raw = b""
        scope[OPERATION] = match.kind.spec.id
        try:
            raw = await received(receive)
            return await self._done(scope, operation_of(match, raw, scope), raw)
        except Error as error:
            return refused(error, match, raw)
        except ClientDisconnect:
            return Response(status_code=499)

    async def _done(self, scope: Scope, operation: Operation, raw: bytes) -> Response:
        """Carry an operation out and return its answer."""
        kind = type(operation)
        if isinstance(operation, DownloadLogs):
            return await downloads.logs(self._control, operation)
        if kind.spec.access == "write" and (key := header(scope, KEY)) is not None:
            return await self._once(scope, operation, raw, key)
        if kind.spec.access == "read" and is_list(kind):
            return await self._control.look(operation, answering(scope, operation), lists=True)
        found, now = await self._control.send(operation)
        return answered(scope, operation, found, now)

    async def _once(self, scope: Scope, operation: Operation, raw: bytes, name: str) -> Response:
        """Carry out what was sent under a key, or answer as the first time."""
        asked = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n"
        key = Once(name, asked.encode() + raw)

        def carried_out(tx: Transaction, now: datetime, work: Callable[[], Any]) -> Said:
            def answered() -> Said:
                found = quirks.linked(work(), scope)
                answer = _answered(quirks.status(operation, found, now), found)
                return Said(answer.status_code, bytes(answer.body).decode())

            return once(tx, now, key, answered)

        said, _ = await self._control.send(operation, once=carried_out)
        if said.status == 204:
            return Response(status_code=204)
        return JsonAnswer(said.status, said.body.encode())


@cache
def is_list(kind: type[Operation]) -> bool:
    """Tell whether an operation is answered with a list, or with a page of one."""
    answer = kind.spec.answer
    return get_origin(answer) is list or "results" in getattr(answer, "__struct_fields__", ())


def operation_of(match: Match, raw: bytes, scope: Scope) -> Operation:
    """Return the operation that a request asks for; raise InvalidRequest if it says no such."""
    body = decoded(raw)
    if match.kind.spec.body is not None and (body is None or not raw):
        raise of_the_body("The body is missing: it says what the request is about.", kind="missing")
    asked = quirks.without_nulls(match.kind, {} if body is None else body)
    return made(match, asked, scope["query_string"].decode("latin-1"))


def answered(scope: Scope, operation: Operation, found: Any, now: datetime) -> Response:
    """Return the answer of an operation that was carried out at `now`."""
    found = quirks.linked(found, scope)
    plain = operation.spec.id in quirks.PLAIN_TEXT
    return _answered(quirks.status(operation, found, now), found, plain=plain)


def answering(scope: Scope, operation: Operation) -> Answer[Response]:
    """Return what makes an operation's answer; that of a read is made by the thread that reads."""

    def answer(found: Any, now: datetime, cursor: str | None) -> Response:
        response = compressed(scope, answered(scope, operation, found, now))
        if cursor is not None:
            response.headers["X-Legato-Position"] = cursor
        return response

    return answer


def refused(error: Error, match: Match, raw: bytes) -> Response:
    """Return the answer of an operation that was not carried out."""
    if _is_bad_path(error, match):
        return json_response(*problems.NOT_FOUND)
    echo = len(raw) <= ECHO_MAX_BYTES
    answer = json_response(*problems.answer(error, match.kind, _echoed(raw), echo=echo))
    if isinstance(error, Locked):
        answer.headers["Retry-After"] = f"{error.retry_after:.3f}"
    elif isinstance(error, Crowded):
        answer.headers["Retry-After"] = "1"
    return answer


def _echoed(raw: bytes) -> Any:
    try:
        return decoded(raw)
    except InvalidRequest:
        return None


def _answered(status: int, found: Any, *, plain: bool = False) -> Response:
    if status == 204:
        return Response(status_code=status)
    if plain:
        return PlainTextResponse(found, status)
    return json_response(status, found if isinstance(found, Raw) else shaped(found))


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of that name."""
    for given, value in scope["headers"]:
        if given == name:
            return str(value.decode("latin-1"))
    return None


def compressed(scope: Scope, response: Response) -> Response:
    """Compress a long answer, for a client that takes it so."""
    is_short = len(getattr(response, "body", b"")) < COMPRESSED_FROM_BYTES
    if is_short or "Content-Encoding" in response.headers:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" in (header(scope, b"accept-encoding") or ""):
        response.body = gzip.compress(response.body, COMPRESSION)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def too_long() -> Response:
    """Return the answer to a body that is too long."""
    return json_response(413, {"detail": f"The body is longer than {BODY_MAX_BYTES} bytes."})


def _redirect(url: URL, *, slash: bool) -> Response:
    """Point to the same place with or without the slash at its end."""
    path = url.path.rstrip("/") + ("/" if slash else "")
    return RedirectResponse(str(url.replace(path=path)), status_code=307)


def _is_bad_path(error: Error, match: Match) -> bool:
    """Tell whether what stands in the path is no id: then there is no such place."""
    if not isinstance(error, InvalidRequest):
        return False
    return any(found["loc"] in [[name] for name in match.values] for found in error.problems)
