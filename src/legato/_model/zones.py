"""Times that name no zone are meant in UTC, and days as their begin, as Prefect's server has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from legato._model.errors import Problem

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
S = TypeVar("S", bound=Struct)


def settled(value: S) -> S:
    """Return a value in which each time names its zone; it is the same one if each did.

    JSON of the client's own is left as it is: it holds texts.

    >>> from legato._model.filters import TimeFilter
    >>> settled(TimeFilter(after_=datetime(2026, 1, 1))).after_
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    changed: dict[str, Any] = {}
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if (named := _settled(item)) is not item:
            changed[name] = named
    return replace(value, **changed) if changed else value


def _settled(item: object) -> object:
    if isinstance(item, datetime):
        return item.replace(tzinfo=UTC) if item.tzinfo is None else item
    if isinstance(item, Struct):
        return settled(item)
    if isinstance(item, list):
        items = cast("list[object]", item)
        named = [settled(one) if isinstance(one, Struct) else one for one in items]
        return named if any(a is not b for a, b in zip(named, items, strict=True)) else items
    return item


def begun(fields: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, Any] | None:
    """Return a request with days made times where something does not fit; None: no day is there.

    What is within `fields` stays as it is.

    >>> wrong = {"loc": ["logs", "timestamp", "after_"], "input": "2026-01-01"}
    >>> begun({"logs": {"timestamp": {"after_": "2026-01-01"}}}, [wrong])
    {'logs': {'timestamp': {'after_': '2026-01-01T00:00:00Z'}}}
    """
    days = [one for one in problems if _is_day(one["input"])]
    if not days:
        return None
    made = dict(fields)
    own = {id(made)}
    for found in days:
        *way, last = cast("list[str | int]", found["loc"])
        inner: Any = made
        for step in way:
            if id(inner[step]) not in own:
                inner[step] = copy(inner[step])
                own.add(id(inner[step]))
            inner = inner[step]
        inner[last] = f"{found['input']}T00:00:00Z"
    return made


def _is_day(value: object) -> bool:
    return isinstance(value, str) and _DAY.fullmatch(value) is not None
