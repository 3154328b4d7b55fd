"""What no field of a request may hold, although its type allows it: one verdict for both stores.

Databases disagree on such values, and so do their errors: NUL in a text, numbers that no column
holds, times that no calendar has, keys longer than an index takes. They are refused before a store
sees them. What is only kept, such as the message of a log line or JSON of the client's own, may
hold more: it is stored as text, NUL in it as U+FFFD (`_store/encode.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from msgspec import Struct

from legato._model.errors import Problem
from legato._model.faults import Place, problem

TEXT_MAX_BYTES = 1024
"""Two such texts and an id fit into a row of an index of PostgreSQL, which takes 2704 bytes."""
NUMBER_MAX = 2**31 - 1
"""The largest whole number of a column; as seconds, 68 years."""
DURATION_MAX = timedelta(days=365 * 100)
DEPTH_MAX = 64
LIST_MAX = 10_000
"""Of all that one request looks for: a statement of PostgreSQL takes 65,535 values."""
ALL_MAX = 100
"""Each of these is a condition of its own."""
_CONTENT = frozenset({"message", "description", "value", "data"})
"""What is kept, not what it is found by: texts or JSON; the body's size is their limit."""

_COLLECTIONS = (list, tuple, set, frozenset)
_HARMLESS = frozenset({UUID, bool, dict})
"""No value of these is wrong; JSON of the client's own both stores keep as a text."""


def refused(operation: Struct, *, asks: bool) -> list[Problem]:
    """Return what is wrong with the values of an operation; `asks`: it keeps none of them."""
    return _Look(asks=asks).of_struct(operation, [])


def is_too_deep(value: Any) -> bool:
    """Tell whether lists and objects stand within each other more often than anybody needs."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            return True
        level = [item for whole in level for item in held(whole)]
    return False


def held(value: Any) -> Iterable[Any]:
    """Return what stands within a value."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    if isinstance(value, list):
        return cast("Iterable[Any]", value)
    return ()


class _Look:
    """One look at the values of a request."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks
        self._room = LIST_MAX

    def of_struct(self, value: Struct, place: Place) -> list[Problem]:
        found: list[Problem] = []
        for name in value.__struct_fields__:
            # most fields say nothing; whatever is empty or zero is fine, too
            if (item := getattr(value, name)) and item.__class__ not in _HARMLESS:
                found += self._of(item, name, [*place, name])
        return found

    def _of(self, value: Any, name: str, place: Place) -> list[Problem]:
        if isinstance(value, Struct):
            return self.of_struct(value, place)
        if isinstance(value, _COLLECTIONS):
            return self._of_list(list(cast("Iterable[Any]", value)), name, place)
        if isinstance(value, dict) or (name in _CONTENT and not self._asks):
            return []
        said = self._wrong_text(value) if isinstance(value, str) else self._wrong(value)
        return [problem("value", place, said, _shown(value))] if said else []

    def _of_list(self, values: list[Any], name: str, place: Place) -> list[Problem]:
        if not any(isinstance(item, Struct) for item in values):  # what is looked for, or tags
            most = ALL_MAX if name == "all_" else LIST_MAX
            self._room -= len(values)
            if len(values) > most or self._room < 0:
                return [problem("value", place, f"there are more than {most} values", None)]
        return [
            fault
            for index, item in enumerate(values)
            for fault in self._of(item, name, [*place, index])
        ]

    def _wrong(self, value: Any) -> str | None:
        if isinstance(value, int | float):
            inside = -NUMBER_MAX <= value <= NUMBER_MAX  # False for NaN, too
            return None if inside else f"numbers are from -{NUMBER_MAX} to {NUMBER_MAX}"
        if isinstance(value, datetime):
            return None if _has_utc(value) else "in UTC, times are in the years 1 to 9999"
        if isinstance(value, timedelta):
            inside = -DURATION_MAX <= value <= DURATION_MAX
            return None if inside else "durations are at most 100 years"
        return None

    def _wrong_text(self, value: str) -> str | None:
        if "\0" in value:
            return "a text must not hold NUL, the character 0"
        if value.isascii():
            size = len(value)
        else:
            try:
                size = len(value.encode())
            except UnicodeEncodeError:
                return "a text must not hold half of a surrogate pair"
        return (
            f"the text is longer than {TEXT_MAX_BYTES} bytes in UTF-8"
            if size > TEXT_MAX_BYTES
            else None
        )


def _has_utc(value: datetime) -> bool:
    try:
        value.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _shown(value: Any) -> Any:
    """Return a value as an answer repeats it."""
    if isinstance(value, str):
        return value[:80]
    return value if isinstance(value, int) else str(value)
