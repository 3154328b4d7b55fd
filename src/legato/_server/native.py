"""Operations of Legato's own processes: any by its id, with the answers of the embedded backend.

Prefect's clients ask by the paths of the same operations; what they are answered has their shapes,
and the states that they propose go through Prefect's rules.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from legato._control.idempotency import Once, Said, once
from legato._model.errors import Error, ObjectNotFound
from legato._model.operations import native
from legato._model.operations.spec import Operation
from legato._server.control import Control
from legato._store.port import Transaction

RETRY_SECONDS = 1
_FAULT: dict[str, Any] = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "detail": {"type": "string"}},
}
_REFUSAL = {"application/json": {"schema": _FAULT}}
DESCRIPTION: dict[str, Any] = {
    "operationId": "operations.send",
    "tags": ["operations"],
    "summary": "Carry out any operation, for Legato's own processes.",
    "parameters": [
        {"name": "operation_id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"$ref": "#/components/parameters/IdempotencyKey"},
    ],
    "requestBody": {
        "description": "The fields of the operation, those of its path included.",
        "content": {"application/json": {"schema": {"type": "object"}}},
        "required": False,
    },
    "responses": {
        "200": {"description": "Done.", "content": {"application/json": {"schema": {}}}},
        "401": {"description": "Somebody else may do this.", "content": _REFUSAL},
        "404": {"description": "There is no such operation or object.", "content": _REFUSAL},
        "409": {"description": "The object has changed, or exists.", "content": _REFUSAL},
        "422": {"description": "The request is not valid.", "content": _REFUSAL},
        "503": {"description": "Not now; Retry-After says when.", "content": _REFUSAL},
    },
}


def routes(control: Control) -> list[BaseRoute]:
    """Return the route, below `/api`."""

    async def post(request: Request) -> Response:
        operation_id: str = request.path_params["operation_id"]
        try:
            kind = native.kinds().get(operation_id)
            if kind is None:
                raise ObjectNotFound(f"There is no operation {operation_id[:100]!r}.")
            operation = native.made(kind, await request.body())
            key = request.headers.get("idempotency-key")
            if key is not None and kind.spec.access == "write":
                return await _once(control, operation, Once(key, await _sent(request)))
            found, _ = await control.send(operation, prefect=False)
        except ClientDisconnect:
            return Response(status_code=499)
        except Error as error:
            return refused(error)
        return Response(native.encoded(found), media_type=native.MEDIA_TYPE)

    return [Route(native.PATH + "{operation_id}", post, methods=["POST"])]


async def _sent(request: Request) -> bytes:
    """Return what tells a request from another one."""
    path: str = request.scope["path"]
    return path.encode() + b"\n" + await request.body()


async def _once(control: Control, operation: Operation, key: Once) -> Response:
    """Carry out what was sent under a key, or answer as the first time."""

    def carried_out(tx: Transaction, now: datetime, work: Callable[[], Any]) -> Said:
        return once(tx, now, key, lambda: Said(200, native.encoded(work()).decode()))

    said, _ = await control.send(operation, prefect=False, once=carried_out)
    return Response(said.body, said.status, media_type=native.MEDIA_TYPE)


def refused(error: Error) -> Response:
    """Return an error as Legato's own processes read it."""
    body = native.encoded(native.fault(error))
    answer = Response(body, error.status, media_type=native.MEDIA_TYPE)
    if error.status == 503:
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer
