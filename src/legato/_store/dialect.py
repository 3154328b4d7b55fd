"""Everything that SQLite and PostgreSQL do differently, in one place.

Statements by name come from the generated modules as text. A statement for many rows has three
parts, `head`, `row` and `tail`; a query by ids has the mark `{ids}` where the list goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CHUNKS = (64, 16, 4, 3, 2, 1)
_AS_THEY_ARE = frozenset({str, int, float, bytearray})


class Bulk(NamedTuple):
    """A statement for many rows of `width` values each; `one` is another one for a single row."""

    head: str
    row: str
    tail: str
    width: int
    one: str = ""

    def text(self, rows: int) -> str:
        """Return the statement for that many rows."""
        return _bulk_text(self, rows)


@lru_cache(maxsize=256)
def _bulk_text(bulk: Bulk, rows: int) -> str:
    if rows == 1 and bulk.one:
        return bulk.one
    return bulk.head + ", ".join([bulk.row] * rows) + bulk.tail


def check_each(name: str, rows: int, touched: int) -> None:
    """Raise RuntimeError if a statement has not found each of its rows."""
    if touched != rows:
        raise RuntimeError(f"{name} found {touched} of {rows} rows; some changed while locked")


def micros(value: datetime) -> int:
    """Return microseconds since 1970 UTC; a time without zone is an error."""
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return (value - EPOCH) // MICROSECOND


def plain(value: Any) -> Any:
    """Return a model value as what both databases store; ids stay ids."""
    if type(value) in _AS_THEY_ARE or value is None:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return micros(value)
    if isinstance(value, timedelta):
        return value // MICROSECOND
    if isinstance(value, bool):
        return int(value)
    return value


def sqlite_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Bind model values on `sqlite3`."""
    return {name: sqlite_value(value) for name, value in params.items()}


def sqlite_value(value: Any) -> Any:
    """Bind one model value on `sqlite3`: ids as BLOB(16), None by the fast way (see `NULL`)."""
    if type(value) in _AS_THEY_ARE:
        return value
    if value is None:
        return NULL
    if isinstance(value, UUID):
        return sqlite_uid(value)
    return plain(value)


NULL = float("nan")
"""SQLite stores NaN as NULL, and `sqlite3` binds a float in 60 ns but None in 450 ns."""


def sqlite_uid(value: UUID) -> bytearray:
    """Bind an id: `sqlite3` looks for an adapter for bytes (450 ns) but not for a bytearray."""
    return bytearray(value.int.to_bytes(16, "big"))
