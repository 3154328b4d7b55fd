"""Routes from the operation table: a request becomes an operation, its answer a response."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from legato._model.errors import Error, InvalidRequest, Locked
from legato._model.operations.requests import Match, made, matches
from legato._server import problems, quirks
from legato._server.control import Control
from legato._server.shapes import shaped


class Operations:
    """The routes of all operations, as an ASGI application below `/api`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4404, "reason": "Not Found"})
            return
        request = Request(scope, receive)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        response = await self._respond(request, path)
        await response(scope, receive, send)

    async def _respond(self, request: Request, path: str) -> Response:
        found = matches(path)
        if not found:
            return json_response(*problems.NOT_FOUND)
        slash = found[0].kind.spec.path.endswith("/")
        if slash != path.endswith("/"):
            return _redirect(request, slash=slash)
        for match in found:
            if match.kind.spec.method == request.method:
                return await self._carry_out(request, match)
        return json_response(*problems.METHOD_NOT_ALLOWED)

    async def _carry_out(self, request: Request, match: Match) -> Response:
        kind, body = match.kind, None
        try:
            body = _decoded(await request.body())
            asked = quirks.without_nulls(kind, body)
            operation = made(match, asked, request.url.query)
            found, now = await self._control.send(operation)
        except Error as error:
            if _is_bad_path(error, match):
                return json_response(*problems.NOT_FOUND)
            answer = json_response(*problems.answer(error, kind, body))
            if isinstance(error, Locked):
                answer.headers["Retry-After"] = f"{error.retry_after:.3f}"
            return answer
        except ClientDisconnect:
            return Response(status_code=499)
        plain = kind.spec.id in quirks.PLAIN_TEXT
        return _answered(quirks.status(operation, found, now), found, plain=plain)


def _decoded(raw: bytes) -> Any:
    if not raw:
        return {}
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.") from None


def _answered(status: int, found: Any, *, plain: bool = False) -> Response:
    if status == 204:
        return Response(status_code=status)
    if plain:
        return PlainTextResponse(found, status)
    return json_response(status, shaped(found))


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
