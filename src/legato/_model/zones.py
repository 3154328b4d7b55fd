"""Times that name no zone are meant in UTC, as Prefect's server takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from msgspec import Struct
from msgspec.structs import force_setattr


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
