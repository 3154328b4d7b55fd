"""Operations by method and path: which one a request stands for, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from legato._model import edges
from legato._model.errors import InvalidRequest
from legato._model.faults import described, struct_faults
from legato._model.operations.spec import Operation
from legato._model.operations.table import OPERATIONS


class Route(Struct, frozen=True):
    """Where an operation is found: the parts of its path, those in braces stand for any text."""

    kind: type[Operation]
    parts: tuple[str, ...]

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """Return what stands in the place of the parts in braces; None: another path."""
        values: dict[str, str] = {}
        for expected, part in zip(self.parts, parts, strict=True):
            if expected.startswith("{"):
                values[expected[1:-1]] = part
            elif expected != part:
                return None
        return values


class Match(Struct, frozen=True):
    """An operation and what the path says of it."""

    kind: type[Operation]
    values: dict[str, str]


@cache
def _routes() -> dict[tuple[int, str], list[Route]]:
    """The table by number of parts and first part, paths without parameters first."""
    found: dict[tuple[int, str], list[Route]] = {}
    for kind in OPERATIONS:
        parts = tuple(split(kind.spec.path))
        found.setdefault((len(parts), parts[0]), []).append(Route(kind, parts))
    for routes in found.values():
        routes.sort(key=lambda route: sum(part.startswith("{") for part in route.parts))
    return found


def split(path: str) -> list[str]:
    """Return the parts of a path; it may begin and end with a slash or not."""
    return [unquote(part) for part in path.strip("/").split("/")]


def matches(path: str) -> list[Match]:
    """Return the operations at a path, one or more for each method, the best ones first."""
    parts = split(path)
    routes = _routes().get((len(parts), parts[0]), ())
    return [
        Match(route.kind, values) for route in routes if (values := route.match(parts)) is not None
    ]


def made(match: Match, body: Any, query: str) -> Operation:
    """Return the operation of a body of JSON values and of what stands in path and query.

    Raises InvalidRequest, with all problems, if they do not fit.
    """
    kind = match.kind
    if kind.spec.body is not None:
        body = {kind.spec.body: body}
    if not isinstance(body, Mapping):
        raise InvalidRequest("The body must be a JSON object.")
    fields = {**cast("Mapping[str, Any]", body), **dict(parse_qsl(query)), **match.values}
    try:
        operation: Operation = msgspec.convert(fields, kind, strict=False)
    except (msgspec.ValidationError, ValueError):
        problems = struct_faults(fields, kind, [])
        raise InvalidRequest(described(problems), problems) from None
    if problems := edges.refused(operation, asks=kind.spec.access == "read"):
        raise InvalidRequest(described(problems), problems)
    return operation
