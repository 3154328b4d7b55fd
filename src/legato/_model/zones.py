"""Times that name no zone are meant in UTC, and days as their begin, as Prefect's server has it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import force_setattr

from legato._model.errors import Problem

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def settle(value: Struct) -> None:
    """Have each time within a value that was just decoded name its zone.

    JSON of the client's own is left as it is: it holds texts.

    >>> from legato._model.filters import TimeFilter
    >>> asked = TimeFilter(after_=datetime(2026, 1, 1))
    >>> settle(asked)
    >>> asked.after_
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if isinstance(item, datetime):
            if item.tzinfo is None:
                force_setattr(value, name, item.replace(tzinfo=UTC))
        elif isinstance(item, Struct):
            settle(item)
        elif isinstance(item, list):
            for one in cast("list[object]", item):
                if isinstance(one, Struct):
                    settle(one)


def begun(fields: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, Any]:
    """Return a request with days made times, at the places where something does not fit.

    >>> wrong = {"loc": ["logs", "timestamp", "after_"], "input": "2026-01-01"}
    >>> begun({"logs": {"timestamp": {"after_": "2026-01-01"}}}, [wrong])
    {'logs': {'timestamp': {'after_': '2026-01-01T00:00:00Z'}}}
    """
    made = deepcopy(dict(fields))
    for found in problems:
        day = found["input"]
        if isinstance(day, str) and _DAY.fullmatch(day):
            *way, last = cast("list[str | int]", found["loc"])
            inner: Any = made
            for step in way:
                inner = inner[step]
            inner[last] = f"{day}T00:00:00Z"
    return made
