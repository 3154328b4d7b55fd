"""How a client's operations reach the backend, and operations by method and path."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from legato._model.errors import Error, ObjectNotFound
from legato._model.operations.flow_runs import StateCreate
from legato._model.operations.spec import Operation
from legato._model.operations.table import OPERATIONS
from legato._model.states import State as StateRecord
from legato._sdk.services import backend

Id = UUID | str


def send(operation: Operation) -> Any:
    """Carry out an operation now."""
    return backend().send(operation)


async def asend(operation: Operation) -> Any:
    """Carry out an operation on a thread, so that the loop goes on."""
    import asyncio

    return await asyncio.to_thread(backend().send, operation)


def uid(value: Id) -> UUID:
    """Return an id that may be given as text."""
    return value if isinstance(value, UUID) else UUID(str(value))


def proposed(state: StateRecord) -> StateCreate:
    """Return a state as what is proposed."""
    return StateCreate(
        type=state.type,
        name=state.name,
        message=state.message,
        state_details=state.state_details,
    )


class Answer(Struct):
    """What comes back of a request by path, as over HTTP."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        """Return the body as JSON values."""
        return msgspec.json.decode(self.content) if self.content else None


def operation_of(method: str, path: str, body: Any) -> Operation:
    """Return the operation that a method, a path and a body stand for; raise ObjectNotFound."""
    parts = path.strip("/").split("/")
    for verb, pattern, kind in _routes():
        values = _matched(pattern, parts) if verb == method.upper() else None
        if values is None:
            continue
        members = {kind.spec.body: body} if kind.spec.body else dict(body or {})
        fields = {**members, **values}
        made: Operation = msgspec.convert(fields, kind, strict=False)
        return made
    raise ObjectNotFound(f"There is no operation {method.upper()} {path}.")


@cache
def _routes() -> list[tuple[str, list[str], type[Operation]]]:
    """The table, paths without parameters first."""
    routes = [(op.spec.method, op.spec.path.strip("/").split("/"), op) for op in OPERATIONS]
    return sorted(routes, key=lambda route: sum(part.startswith("{") for part in route[1]))


def _matched(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    values: dict[str, str] = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            values[expected[1:-1]] = part
        elif expected != part:
            return None
    return values


def answered(operation: Operation, found: Any) -> Answer:
    """Return what an operation gave as an answer of HTTP."""
    body = b"" if found is None else msgspec.json.encode(found)
    return Answer(operation.spec.status, body)


def failed(error: Error) -> Answer:
    """Return an error as an answer of HTTP."""
    return Answer(error.status, msgspec.json.encode({"detail": str(error), "code": error.code}))


def raw(method: str, path: str, body: Any) -> Answer:
    """Send by method and path; errors of Legato become answers with their status."""
    try:
        operation = operation_of(method, path, body)
        return answered(operation, send(operation))
    except Error as error:
        return failed(error)
    except msgspec.ValidationError as error:
        return Answer(422, msgspec.json.encode({"detail": str(error)}))


async def araw(method: str, path: str, body: Any) -> Answer:
    """Send by method and path, without holding up the loop."""
    import asyncio

    return await asyncio.to_thread(raw, method, path, body)
