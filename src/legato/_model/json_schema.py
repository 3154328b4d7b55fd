"""Whether a JSON value is what a JSON schema says, for the schemas that pydantic writes.

Formats are not looked at, nor are keywords that nothing here writes; those let everything pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from reprlib import Repr
from typing import Any, cast

from msgspec import Struct

from legato._model.edges import held
from legato._model.placeholders import Unresolved

MAX_DEPTH = 100
MAX_STEPS, STEPS_A_PART = 10**5, 16
"""From a schema to one that it names or combines: some double them with each level."""
_PATTERN_MAX = 500
_STEPS_MAX = 10**8
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_REPETITION = re.compile(r"[*+?{]")
Schema = Any
Path = tuple[str | int, ...]


class Fault(Struct, frozen=True):
    """What is wrong, and where: names and numbers from the outermost value inwards."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path)) or 'value'}: {self.text}"


def problems(value: Any, schema: Schema) -> list[str]:
    """Return what is wrong with a value: place and reason.

    Raises ValueError for a schema that cannot be used.

    Example:
        >>> problems({"n": "x"}, {"properties": {"n": {"type": "integer"}}})
        ["n: 'x' is no integer"]
    """
    return [str(fault) for fault in faults(value, schema)]


def faults(value: Any, schema: Schema) -> list[Fault]:
    """Return what is wrong with a value; raise ValueError for a schema that cannot be used.

    Whether an Unresolved value fits cannot be told: it does, unless it has a fault of its own.
    """
    try:
        return list(_Check(schema, _parts(value)).faults(value, schema, (), 0))
    except (TypeError, AttributeError, LookupError, OverflowError, re.error) as error:
        raise ValueError(f"The schema cannot be used: {error}") from None


def _parts(value: Any) -> int:
    """Count a value and all within it."""
    count, level = 0, [value]
    while level:
        count += len(level)
        level = [item for whole in level for item in held(whole)]
    return count


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
TYPES = frozenset(_TYPES)
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

    def __init__(self, root: Schema, parts: int) -> None:
        self._root, self._left = root, MAX_STEPS + STEPS_A_PART * parts

    def faults(self, value: Any, schema: Schema, path: Path, depth: int) -> Iterator[Fault]:
        if depth > MAX_DEPTH:
            raise ValueError(
                f"The schema refers to itself without an end, or is over {MAX_DEPTH} deep"
            )
        if isinstance(value, Unresolved):
            if value.fault is not None:
                yield Fault(path, value.fault)
        elif schema is False:
            yield Fault(path, "nothing may stand here")
        elif isinstance(schema, dict):
            yield from self._known_faults(value, cast("dict[str, Any]", schema), path, depth)

    def _known_faults(
        self, value: Any, schema: dict[str, Any], path: Path, depth: int
    ) -> Iterator[Fault]:
        if "$ref" in schema:
            yield from self._again(value, self._definition(schema["$ref"]), path, depth)
        for text in _plain_faults(value, schema):
            yield Fault(path, text)
        yield from self._combined(value, schema, path, depth)
        if _TYPES["object"](value):
            yield from self._object(value, schema, path, depth)
        if _TYPES["array"](value):
            yield from self._array(value, schema, path, depth)

    def _again(self, value: Any, schema: Schema, path: Path, depth: int) -> Iterator[Fault]:
        """Hold a value against one more schema."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("The schema combines others too often to hold these values against it")
        return self.faults(value, schema, path, depth + 1)

    def _definition(self, reference: Any) -> Schema:
        head, *parts = str(reference).split("/")
        found: Any = self._root if head == "#" else None
        for part in parts:
            found = found.get(part) if _TYPES["object"](found) else None
        if found is None:
            raise ValueError(f"The schema has no definition {reference!r}")
        return found

    def _combined(
        self, value: Any, schema: dict[str, Any], path: Path, depth: int
    ) -> Iterator[Fault]:
        for part in schema.get("allOf", ()):
            yield from self._again(value, part, path, depth)
        for word in ("anyOf", "oneOf"):
            parts = schema.get(word)
            if not parts:
                continue
            found = [list(self._again(value, part, path, depth)) for part in parts]
            fitting = sum(not faults for faults in found)
            if not fitting:
                yield min(found, key=len)[0]
            elif word == "oneOf" and fitting > 1:
                yield Fault(path, f"{_shown(value)} fits {fitting} of what it may be one of")

    def _object(
        self, value: dict[str, Any], schema: dict[str, Any], path: Path, depth: int
    ) -> Iterator[Fault]:
        required = schema.get("required", ())
        for name in required:
            if name not in value:
                yield Fault((*path, name), "it is required")
        known: dict[str, Any] = schema.get("properties", {})
        for name, item in value.items():
            rule = known.get(name, schema.get("additionalProperties", True))
            if rule is False:
                yield Fault((*path, name), "there is no such field")
            elif item is not None or name in required or not _may_be_left_out(known.get(name)):
                yield from self.faults(item, rule, (*path, name), depth + 1)

    def _array(
        self, value: list[Any], schema: dict[str, Any], path: Path, depth: int
    ) -> Iterator[Fault]:
        first: list[Any] = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        for number, item in enumerate(value):
            rule = first[number] if number < len(first) else rest
            yield from self.faults(item, rule, (*path, number), depth + 1)


def _may_be_left_out(rule: Schema) -> bool:
    """Tell whether null stands for nothing, as old schemas do not say so of what has no default."""
    return isinstance(rule, dict) and "type" in rule and "default" not in rule


def _plain_faults(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """What can be told without looking into the value."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(kind in _TYPES and _TYPES[kind](value) for kind in kinds):
        yield f"{_shown(value)} is no {' or '.join(kinds)}"
    yield from _value_faults(value, schema)
    yield from _size_faults(value, schema)


def _value_faults(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """What is not one of the values that it may be."""
    if "enum" in schema and value not in schema["enum"]:
        yield f"{_shown(value)} is none of {', '.join(map(repr, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{_shown(value)} is not {schema['const']!r}"
    if "pattern" in schema and isinstance(value, str) and not _matches(schema["pattern"], value):
        yield f"{_shown(value)} does not match {schema['pattern']}"


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


def _size_faults(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    """What is too small, too large, too short or too long."""
    if _is(value, int, float):
        for word, (said, fits) in _BOUNDS.items():
            if word in schema and not fits(value, schema[word]):
                yield f"{_shown(value)} is {said} {schema[word]}"
    for word, (kind, said, fits_size) in _LENGTHS.items():
        if word in schema and isinstance(value, kind):
            size = len(cast("str | list[Any]", value))
            if not fits_size(size, schema[word]):
                yield f"it is {said} {schema[word]}"


_short = Repr()
_short.maxstring = _short.maxother = 100
_shown = _short.repr
"""A value as it stands in messages; each fault may tell of all that it lies in."""
