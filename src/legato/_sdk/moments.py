"""Arguments that are the time of their call, as `datetime.now()` is: a resumed call has another.

They are told from other times by when they were made: the one before, between the start of the run
and the end of its step; the one now, since the run was resumed. The step stands for such a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

Arguments = Mapping[str, Any]


class Span(Struct, frozen=True):
    """From one moment to another."""

    start: datetime
    end: datetime

    def holds(self, value: Any) -> bool:
        """Tell whether a value is a time within the span: a datetime, its text, or seconds."""
        seconds = _seconds(value)
        return seconds is not None and (self.start.timestamp() <= seconds <= self.end.timestamp())


def _seconds(value: Any) -> float | None:
    if type(value) is str:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.timestamp()
    return value if type(value) is float else None


def are_times(
    names: Iterable[str], before: Arguments, then: Span, now: Arguments, since: Span
) -> bool:
    """Tell whether each of these arguments was a time in `then`, and is one in `since`.

    `before` are arguments as JSON gives them back.
    """
    return all(
        isinstance(now[name], datetime | float)
        and then.holds(before[name])
        and since.holds(now[name])
        for name in names
    )
