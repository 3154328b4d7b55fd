"""The slow second pass over values that do not fit: every fault, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct, structs

from legato._model.errors import InvalidRequest, Problem

Place = list[str | int]
NO_SUCH_FIELD = "there is no such field"


def faults(value: Any, kind: Any, place: Place) -> list[Problem]:
    """Return what is wrong with a value of a field of that type; nothing: it fits."""
    try:
        msgspec.convert(value, kind, strict=False, from_attributes=True)
    except (msgspec.ValidationError, ValueError) as error:
        within = [found for option in _options(kind) for found in _within(value, option, place)]
        return within or [problem("value", place, str(error), value)]
    return []


def struct_faults(fields: Mapping[str, Any], kind: type[Struct], place: Place) -> list[Problem]:
    """Return what is wrong with the fields of a struct; unknown ones are faults too."""
    known = {field.encode_name: field for field in structs.fields(kind)}
    found: list[Problem] = []
    for name, value in fields.items():
        if name in known:
            found += faults(value, known[name].type, [*place, name])
        else:
            found.append(problem("extra", [*place, name], NO_SUCH_FIELD, value))
    for name, field in known.items():
        if field.required and name not in fields:
            found.append(problem("missing", [*place, name], "the field is required", None))
    return found


def problem(kind: str, place: Place, message: str, value: Any) -> Problem:
    """Return one fault."""
    return Problem(type=kind, loc=place, msg=message, input=value)


def of_the_body(message: str, body: Any = None, kind: str = "value") -> InvalidRequest:
    """Return the refusal of a body as a whole."""
    return InvalidRequest(message, [problem(kind, [], message, body)])


def described(problems: list[Problem]) -> str:
    """Return faults in one line."""
    places = [".".join(map(str, cast("Place", found["loc"]))) for found in problems]
    return "; ".join(f"{at}: {found['msg']}" for at, found in zip(places, problems, strict=True))


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _within(value: Any, kind: Any, place: Place) -> list[Problem]:
    """Return the faults of the parts of a value, if it has the shape of that type."""
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, Struct):
        return struct_faults(cast("Mapping[str, Any]", value), kind, place)
    found: list[Problem] = []
    for part, item, part_kind in _parts(value, get_origin(kind), get_args(kind)):
        found += faults(item, part_kind, [*place, part])
    return found


def _parts(value: Any, origin: Any, kinds: tuple[Any, ...]) -> Iterator[tuple[Any, Any, Any]]:
    if origin is dict and isinstance(value, Mapping):
        for key, item in cast("dict[Any, Any]", value).items():
            yield str(key), item, kinds[1]
    elif origin in {list, set, frozenset} and _is_sequence(value):
        for index, item in enumerate(value):
            yield index, item, kinds[0]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)
