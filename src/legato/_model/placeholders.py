"""Values of parameters that say where they come from: objects with the key `__prefect_kind`.

Forms that fill in parameters send them. A kind that nobody knows stands for its `value`; one that
lacks what it is made of stands for nothing, and is left out of what it lies in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import msgspec
from msgspec import Struct

from legato._model.edges import DEPTH_MAX, is_too_deep

KIND = "__prefect_kind"
_MARKS = ("{{", "{%", "{#")
_TEMPLATE = "Templates are not filled in here: send the value itself, or name a variable"
Lookup = Callable[[str], Any]


class Unresolved(Struct, frozen=True):
    """What stands for a value that is not known; without a fault it may become anything."""

    fault: str | None = None


class _Nothing:
    """What is left out."""


_NOTHING = _Nothing()


def resolved(values: dict[str, Any], variable: Lookup, *, templates: bool = False) -> Any:
    """Return values with what they stand for; `variable` gives a variable's value, or Unresolved.

    `templates`: those may be filled in later, so they fit anything for now.

    Example:
        >>> resolved({"n": {"__prefect_kind": "json", "value": "[1]"}}, lambda name: name)
        {'n': [1]}
    """
    found = _Resolver(variable, templates).value(values)
    return {} if found is _NOTHING else found


def unresolved(value: Any, place: str = "") -> Iterator[str]:
    """Tell what could not be resolved: place and reason."""
    if isinstance(value, Unresolved):
        yield f"{place or 'value'}: {value.fault}"
    elif isinstance(value, dict):
        for name, item in cast("dict[str, Any]", value).items():
            yield from unresolved(item, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, item in enumerate(cast("Iterable[Any]", value)):
            yield from unresolved(item, f"{place}.{number}" if place else str(number))


class _Resolver:
    def __init__(self, variable: Lookup, templates: bool) -> None:
        self._variable, self._templates = variable, templates
        self._kinds: dict[Any, Callable[[dict[str, Any]], Any]] = {
            "none": self._none,
            "json": self._json,
            "jinja": self._template,
            "workspace_variable": self._named,
        }

    def value(self, value: Any) -> Any:
        if isinstance(value, dict):
            known = cast("dict[str, Any]", value)
            if KIND in known:
                return self._of_kind(known)
            items = {name: self.value(item) for name, item in known.items()}
            return {name: item for name, item in items.items() if item is not _NOTHING}
        if isinstance(value, list):
            found = [self.value(item) for item in cast("Iterable[Any]", value)]
            return [item for item in found if item is not _NOTHING]
        return value

    def _of_kind(self, value: dict[str, Any]) -> Any:
        kind = value[KIND]
        resolve = self._kinds.get(kind) if isinstance(kind, str) else None
        return value.get("value") if resolve is None else resolve(value)

    def _none(self, value: dict[str, Any]) -> Any:
        if "value" not in value:
            return Unresolved("The kind 'none' needs a value")
        return self.value(value["value"])

    def _json(self, value: dict[str, Any]) -> Any:
        text = self._part(value, "value", _NOTHING)
        if not isinstance(text, str):
            return text
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return Unresolved(f"This is no JSON: {error}")
        if is_too_deep(found):
            return Unresolved(f"It has more than {DEPTH_MAX} levels within each other")
        return found

    def _template(self, value: dict[str, Any]) -> Any:
        text = self._part(value, "template", Unresolved("The kind 'jinja' needs a template"))
        if not isinstance(text, str):
            is_known = isinstance(text, Unresolved | _Nothing)
            return text if is_known else Unresolved("A template must be a text")
        if self._templates:
            return Unresolved()
        return Unresolved(_TEMPLATE) if any(mark in text for mark in _MARKS) else text

    def _named(self, value: dict[str, Any]) -> Any:
        name = self._part(value, "variable_name", _NOTHING)
        if isinstance(name, Unresolved | _Nothing):
            return name
        return self._variable(name) if isinstance(name, str) else Unresolved("A name is a text")

    def _part(self, value: dict[str, Any], name: str, without: Any) -> Any:
        """Return what a value is made of, which may say where it comes from, too."""
        part = value.get(name, without)
        return self.value(part) if isinstance(part, dict) else part
