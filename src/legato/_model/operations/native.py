"""Operations, answers and errors between Legato's own processes: as they are, nothing is lost.

A request is posted to `/operations/{id}`; its body has all fields of the operation.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import Struct

from legato._model import edges, errors
from legato._model.errors import Error, Hole, InvalidRequest, Locked, Problem
from legato._model.faults import described, struct_faults
from legato._model.operations.spec import Operation
from legato._model.operations.table import OPERATIONS
from legato._model.results import ResultReference
from legato._model.states import State
from legato._model.zones import settled

PATH = "/operations/"
MARK = "X-Legato"
"""A header of every answer of a server of Legato, refusals too; nobody else's server has it."""
MEDIA_TYPE = "application/json"


class Fault(Struct, kw_only=True, omit_defaults=True):
    """An error, as it is answered."""

    code: str
    detail: str
    problems: list[dict[str, Any]] = []
    retry_after: float = 0.0
    expected_seq: int = 0


@cache
def kinds() -> dict[str, type[Operation]]:
    """Return the operations by id."""
    return {kind.spec.id: kind for kind in OPERATIONS}


def made(kind: type[Operation], body: bytes) -> Operation:
    """Return the operation of a body; raise InvalidRequest with all problems."""
    found: Any = decoded(body) if body else {}
    if not isinstance(found, dict):
        raise InvalidRequest("The body must be a JSON object.")
    fields = cast("dict[str, Any]", found)
    try:
        operation: Operation = msgspec.convert(fields, kind)
    except (msgspec.ValidationError, ValueError):
        problems = struct_faults(fields, kind, [])
        raise InvalidRequest(described(problems), problems) from None
    if problems := edges.refused(operation, asks=kind.spec.access == "read"):
        raise InvalidRequest(described(problems), problems)
    return settled(operation)


def encoded(value: Any) -> bytes:
    """Return a value as JSON; lone surrogates are escaped."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()


def decoded(body: bytes) -> Any:
    """Return what a body says; raise InvalidRequest."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return json.loads(body)  # which knows lone surrogates
        except (ValueError, RecursionError):
            raise InvalidRequest(f"The body is not JSON: {error}.") from None


def answer_in(kind: type[Operation], body: bytes) -> Any:
    """Return the answer to an operation; raise ValueError on what cannot be one."""
    if kind.spec.answer is None:
        return None
    answer = msgspec.convert(decoded(body), kind.spec.answer)
    if b'"result_id"' in body:
        _refer(answer)
    return answer


def _refer(value: Any) -> None:
    """Put references into states in the place of what JSON has made of them."""
    if isinstance(value, State):
        said = value.data
        if isinstance(said, dict) and said.keys() == {"result_id"}:
            value.data = msgspec.convert(said, ResultReference)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            _refer(getattr(value, name))
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _refer(item)


def fault(error: Error) -> Fault:
    """Return an error as it is answered."""
    return Fault(
        code=error.code,
        detail=str(error),
        problems=list(error.problems) if isinstance(error, InvalidRequest) else [],
        retry_after=error.retry_after if isinstance(error, Locked) else 0.0,
        expected_seq=error.expected if isinstance(error, Hole) else 0,
    )


def error_in(body: bytes) -> Error | None:
    """Return the error that was answered; None: nothing that Legato's server has said."""
    try:
        said = msgspec.convert(decoded(body), Fault)
    except (InvalidRequest, msgspec.ValidationError):
        return None
    kind = _errors().get(said.code)
    if kind is None:
        return None
    if issubclass(kind, InvalidRequest):
        return kind(said.detail, [Problem(found) for found in said.problems])
    if issubclass(kind, Locked):
        return kind(said.detail, said.retry_after)
    if issubclass(kind, Hole):
        return kind(said.detail, said.expected_seq)
    return kind(said.detail)


@cache
def _errors() -> dict[str, type[Error]]:
    found = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.code: kind for kind in found if issubclass(kind, Error)}
