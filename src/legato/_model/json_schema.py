"""Whether a JSON value is what a JSON schema says, for the schemas that pydantic writes.

Formats are not looked at, nor are keywords that nothing here writes; those let everything pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

MAX_DEPTH = 100
_PATTERN_MAX = 500
_STEPS_MAX = 10**8
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_REPETITION = re.compile(r"[*+?{]")
Schema = Any


def problems(value: Any, schema: Schema) -> list[str]:
    """Return what is wrong with a value: place and reason.

    Raises ValueError for a schema that cannot be used.

    Example:
        >>> problems({"n": "x"}, {"properties": {"n": {"type": "integer"}}})
        ["n: 'x' is no integer"]
    """
    try:
        return list(_Check(schema).faults(value, schema, "", 0))
    except (TypeError, AttributeError, LookupError, OverflowError, re.error) as error:
        raise ValueError(f"The schema cannot be used: {error}") from None


def _is(value: Any, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is(value, int) or (_is(value, float) and value.is_integer()),
    "number": lambda value: _is(value, int, float),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("less than", lambda value, bound: value >= bound),
    "maximum": ("more than", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("not more than", lambda value, bound: value > bound),
    "exclusiveMaximum": ("not less than", lambda value, bound: value < bound),
}
_LENGTHS: dict[str, tuple[type, str, Callable[[int, int], bool]]] = {
    "minLength": (str, "shorter than", lambda size, bound: size >= bound),
    "maxLength": (str, "longer than", lambda size, bound: size <= bound),
    "minItems": (list, "shorter than", lambda size, bound: size >= bound),
    "maxItems": (list, "longer than", lambda size, bound: size <= bound),
}


class _Check:
    """One schema with its definitions."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def faults(self, value: Any, schema: Schema, place: str, depth: int) -> Iterator[str]:
        if depth > MAX_DEPTH:
            raise ValueError(
                f"The schema refers to itself without an end, or is over {MAX_DEPTH} deep"
            )
        if schema is False:
            yield f"{place}: nothing may stand here"
        if not isinstance(schema, dict):
            return
        known = cast("dict[str, Any]", schema)
        if "$ref" in known:
            yield from self.faults(value, self._definition(known["$ref"]), place, depth + 1)
        yield from _plain_faults(value, known, place or "value")
        yield from self._combined(value, known, place, depth)
        if _TYPES["object"](value):
            yield from self._object(value, known, place, depth)
        if _TYPES["array"](value):
            yield from self._array(value, known, place, depth)

    def _definition(self, reference: Any) -> Schema:
        head, *parts = str(reference).split("/")
        found: Any = self._root if head == "#" else None
        for part in parts:
            found = found.get(part) if _TYPES["object"](found) else None
        if found is None:
            raise ValueError(f"The schema has no definition {reference!r}")
        return found

    def _combined(
        self, value: Any, schema: dict[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        for part in schema.get("allOf", ()):
            yield from self.faults(value, part, place, depth + 1)
        for word in ("anyOf", "oneOf"):
            parts = schema.get(word)
            if not parts:
                continue
            found = [list(self.faults(value, part, place, depth + 1)) for part in parts]
            fitting = sum(not faults for faults in found)
            if not fitting:
                yield min(found, key=len)[0]
            elif word == "oneOf" and fitting > 1:
                yield f"{place or 'value'}: {value!r} fits {fitting} of what it may be one of"

    def _object(
        self, value: dict[str, Any], schema: dict[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{_below(place, name)}: it is required"
        known: dict[str, Any] = schema.get("properties", {})
        for name, item in value.items():
            rule = known.get(name, schema.get("additionalProperties", True))
            if rule is False:
                yield f"{_below(place, name)}: there is no such field"
            else:
                yield from self.faults(item, rule, _below(place, name), depth + 1)

    def _array(
        self, value: list[Any], schema: dict[str, Any], place: str, depth: int
    ) -> Iterator[str]:
        first: list[Any] = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        for number, item in enumerate(value):
            rule = first[number] if number < len(first) else rest
            yield from self.faults(item, rule, _below(place, str(number)), depth + 1)


def _plain_faults(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    """What can be told without looking into the value."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(kind in _TYPES and _TYPES[kind](value) for kind in kinds):
        yield f"{place}: {value!r} is no {' or '.join(kinds)}"
    yield from _value_faults(value, schema, place)
    yield from _size_faults(value, schema, place)


def _value_faults(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    """What is not one of the values that it may be."""
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {', '.join(map(repr, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{place}: {value!r} is not {schema['const']!r}"
    if "pattern" in schema and isinstance(value, str) and not _matches(schema["pattern"], value):
        yield f"{place}: {value!r} does not match {schema['pattern']}"


def _matches(pattern: str, value: str) -> bool:
    """Tell whether a text matches; one for which that might take long passes.

    Whoever sends pattern and text could stop the whole process with the two: `re` goes on for
    years over `(a+)+$` and thirty letters. Without repeated groups the steps are at most those of
    all repetitions within each other.
    """
    if len(pattern) > _PATTERN_MAX or _REPEATED_GROUP.search(pattern):
        return True
    repetitions = len(_REPETITION.findall(pattern))
    if len(value) ** (repetitions + 1) > _STEPS_MAX:
        return True
    return re.search(pattern, value) is not None


def _size_faults(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    """What is too small, too large, too short or too long."""
    if _is(value, int, float):
        for word, (said, fits) in _BOUNDS.items():
            if word in schema and not fits(value, schema[word]):
                yield f"{place}: {value!r} is {said} {schema[word]}"
    for word, (kind, said, fits_size) in _LENGTHS.items():
        if word in schema and isinstance(value, kind):
            size = len(cast("str | list[Any]", value))
            if not fits_size(size, schema[word]):
                yield f"{place}: it is {said} {schema[word]}"


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
