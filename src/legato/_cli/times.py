"""Times and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NONE = "-"


def moment(time: datetime | None) -> str:
    """Return a time in this machine's time zone, to the second."""
    return NONE if time is None else time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def exact(time: datetime) -> str:
    """Return a time in this machine's time zone, to the millisecond."""
    local = time.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}"


def lasted(start: datetime | None, end: datetime | None) -> str:
    """Return how long something lasted, up to now if it has not ended."""
    if start is None:
        return NONE
    return span((end or datetime.now(UTC)) - start)


def span(duration: timedelta | float) -> str:
    """Return a duration (seconds, if a number) with its two largest units."""
    seconds = duration if isinstance(duration, float | int) else duration.total_seconds()
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"
