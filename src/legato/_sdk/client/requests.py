"""Operations by method and path, and answers as over HTTP."""

from __future__ import annotations

from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, unquote
from uuid import UUID

import msgspec
from msgspec import Struct

from legato._model.errors import Error, InvalidRequest, ObjectNotFound
from legato._model.operations.flow_runs import StateCreate
from legato._model.operations.spec import Operation
from legato._model.operations.table import OPERATIONS
from legato._model.states import State as StateRecord
from legato._model.wire import encoded
from legato._sdk.faults import described, struct_faults

Id = UUID | str


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
    """Return the operation that a method, a path and a body stand for.

    Raises ObjectNotFound if there is none, InvalidRequest if path, query or body do not fit it.
    """
    path, _, query = path.partition("?")
    parts = [unquote(part) for part in path.strip("/").split("/")]
    for verb, pattern, kind in _routes():
        values = _matched(pattern, parts) if verb == method.upper() else None
        if values is None:
            continue
        if kind.spec.body is not None:
            body = {kind.spec.body: body}
        return _made(kind, {} if body is None else body, {**dict(parse_qsl(query)), **values})
    raise ObjectNotFound(f"There is no operation {method.upper()} {path}.")


def _made(kind: type[Operation], body: Any, given: dict[str, str]) -> Operation:
    """Return the operation of a body and of what stands in the path and the query."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    fields = {**cast("dict[str, Any]", body), **given}
    try:
        made: Operation = msgspec.convert(fields, kind, strict=False)
    except (msgspec.ValidationError, ValueError):
        problems = struct_faults(fields, kind, [])
        raise InvalidRequest(described(problems), problems) from None
    return made


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
    body = b"" if found is None else encoded(found)
    return Answer(operation.spec.status, body)


def failed(error: Error) -> Answer:
    """Return an error as an answer of HTTP."""
    body: dict[str, Any] = {"detail": str(error), "code": error.code}
    if isinstance(error, InvalidRequest) and error.problems:
        body["problems"] = error.problems
    return Answer(error.status, encoded(body))
