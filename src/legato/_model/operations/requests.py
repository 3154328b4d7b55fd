"""Operations by method and path: which one a request stands for, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct, structs

from legato._model import edges
from legato._model.errors import InvalidRequest, Problem
from legato._model.faults import NO_SUCH_FIELD, described, of_the_body, problem, struct_faults
from legato._model.operations.spec import Operation
from legato._model.operations.table import OPERATIONS
from legato._model.zones import begun, settled


class Route(Struct, frozen=True):
    """An operation, and the names of the parts of its path that stand for any text."""

    kind: type[Operation]
    names: tuple[tuple[int, str], ...]


class Match(Struct, frozen=True):
    """An operation and what the path says of it."""

    kind: type[Operation]
    values: dict[str, str]


class _Shape(Struct, frozen=True):
    """Paths of one length whose parts in braces stand in the same places."""

    fixed: tuple[int, ...]
    routes: dict[tuple[str, ...], list[Route]]
    """By what stands in the other places."""


@cache
def _shapes() -> dict[int, list[_Shape]]:
    """The table by number of parts, paths without parameters first."""
    found: dict[tuple[int, tuple[int, ...]], _Shape] = {}
    for kind in OPERATIONS:
        parts = split(kind.spec.path)
        names = tuple((i, part[1:-1]) for i, part in enumerate(parts) if part.startswith("{"))
        fixed = tuple(i for i, part in enumerate(parts) if not part.startswith("{"))
        shape = found.setdefault((len(parts), fixed), _Shape(fixed, {}))
        shape.routes.setdefault(tuple(parts[i] for i in fixed), []).append(Route(kind, names))
    of_length: dict[int, list[_Shape]] = {}
    for (length, _), shape in sorted(found.items(), key=lambda item: -len(item[1].fixed)):
        of_length.setdefault(length, []).append(shape)
    return of_length


def split(path: str) -> list[str]:
    """Return the parts of a path; it may begin and end with a slash or not."""
    parts = path.strip("/").split("/")
    return [unquote(part) for part in parts] if "%" in path else parts


def matches(path: str) -> list[Match]:
    """Return the operations at a path, one or more for each method, the best ones first."""
    parts = split(path)
    return [
        Match(route.kind, {name: parts[i] for i, name in route.names})
        for shape in _shapes().get(len(parts), ())
        for route in shape.routes.get(tuple([parts[i] for i in shape.fixed]), ())
    ]


def made(match: Match, body: Any, query: str) -> Operation:
    """Return the operation of a body of JSON values and of what stands in path and query.

    Raises InvalidRequest, with all problems, if they do not fit.
    """
    kind, strange = match.kind, _strange(match.kind, body)
    if kind.spec.body is not None:
        body = {kind.spec.body: body}
    if not isinstance(body, Mapping):
        raise of_the_body("The body must be a JSON object.", body)
    fields = {**cast("Mapping[str, Any]", body), **match.values}
    if query:
        fields = {**fields, **dict(parse_qsl(query)), **match.values}
    if strange:
        problems = strange + struct_faults(fields, kind, [])
        raise InvalidRequest(described(problems), problems)
    operation = _converted(fields, kind)
    if problems := edges.refused(operation, asks=kind.spec.access == "read"):
        raise InvalidRequest(described(problems), problems)
    return settled(operation)


def _strange(kind: type[Operation], body: Any) -> list[Problem]:
    """Return the faults of a body of fields that there are not, where the struct lets them pass.

    Records and rows of later versions may have more; whoever makes or changes something is told.
    """
    names = _tolerant(kind) if isinstance(body, Mapping) else None
    if names is None:
        return []
    place, given = [kind.spec.body or ""], cast("Mapping[str, Any]", body)
    if names.issuperset(given):
        return []
    strangers = [(name, value) for name, value in given.items() if name not in names]
    return [problem("extra", [*place, name], NO_SUCH_FIELD, value) for name, value in strangers]


@cache
def _tolerant(kind: type[Operation]) -> frozenset[str] | None:
    """Return the names of the struct that is an operation's body, if it lets others pass."""
    body = body_of(kind)
    if body is None or body.__struct_config__.forbid_unknown_fields:
        return None
    return frozenset(field.encode_name for field in structs.fields(body))


def body_of(kind: type[Operation]) -> type[Struct] | None:
    """Return the struct that is the whole body of an operation; None: it has no such."""
    types = {field.name: field.type for field in structs.fields(kind)}
    body = types.get(kind.spec.body or "")
    return body if isinstance(body, type) and issubclass(body, Struct) else None


def _converted(fields: dict[str, Any], kind: type[Operation]) -> Operation:
    try:
        return msgspec.convert(fields, kind, strict=False)
    except (msgspec.ValidationError, ValueError):
        problems = struct_faults(fields, kind, [])
    with suppress(msgspec.ValidationError, ValueError):
        if (dated := begun(fields, problems)) is not None:
            return msgspec.convert(dated, kind, strict=False)
    raise InvalidRequest(described(problems), problems)
