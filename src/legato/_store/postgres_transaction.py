"""A transaction on one psycopg connection."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import chain, count
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
from psycopg import RawCursor

from legato._model.errors import StoreTimeout
from legato._store import dialect
from legato._store.courtesy import PIECE_SECONDS, give_way, let_pass
from legato._store.faults import failpoint
from legato._store.generated_postgres import BULK, BY_IDS, QUERIES
from legato._store.port import SNAPSHOT_SECONDS, TOO_LONG
from legato._store.sql import Sql

_SIZES = (256, 64, *range(16, 0, -1))
"""How many rows a statement may have: each size is prepared once."""


class PostgresTransaction:
    """Runs statements; the connection has begun the transaction with the first of them.

    psycopg looks for the parameters in a text of many rows anew each time, which takes longer than
    all the rest (730 of 1000 us for 144 of them), so statements have them by number already.
    """

    null: Any = None
    data_errors: tuple[type[Exception], ...] = (
        psycopg.IntegrityError,
        psycopg.DataError,
        psycopg.ProgrammingError,
        psycopg.InterfaceError,
        psycopg.NotSupportedError,
        psycopg.errors.ProgramLimitExceeded,
    )

    def __init__(self, connection: psycopg.Connection, *, repeated: bool) -> None:
        self.repeated = repeated
        self.writes = 0
        self.drawn = 0
        """The highest position that was drawn."""
        self._connection = connection
        self._cursor: RawCursor[Any] = RawCursor(connection)

    @staticmethod
    def uid(value: UUID) -> str:
        return value.hex

    def rows(self, name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        text, names = _query(name)
        return self._rows(text, [dialect.plain(params[n]) for n in names])

    def rows_in(self, name: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
        return self._rows(_by_ids(name), [list(ids)]) if ids else []

    def run(self, name: str, params: Mapping[str, Any]) -> int:
        failpoint(f"write.{name}")
        self.writes += 1
        if name in BY_IDS:
            return self._touch(_by_ids(name), [list(params["ids"])])
        text, names = _query(name)
        return self._touch(text, [dialect.plain(params[n]) for n in names])

    def run_many(self, name: str, rows: Sequence[Sequence[Any]]) -> int:
        parts = self._parts(name, list(chain.from_iterable(rows)))
        return sum(self._touch(_bulk(name, size), part) for size, part in parts)

    def bulk(self, name: str, flat: list[Any], *, each: bool = False) -> None:
        for size, part in self._parts(name, flat):
            self._send(name, _bulk(name, size), part, size if each else None)

    def _parts(self, name: str, flat: list[Any]) -> Iterator[tuple[int, list[Any]]]:
        """Yield how many rows a statement takes, and their values."""
        failpoint(f"write.{name}")
        self.writes += 1
        # numbers as text have no type, nor has None: all rows of one size are one statement
        flat = [str(value) if type(value) is int else value for value in flat]
        width, start = BULK[name].width, 0
        left = len(flat) // width
        while left:
            size = next(size for size in _SIZES if size <= left)
            end = start + size * width
            yield size, flat[start:end]
            start, left = end, left - size

    def positions(self, count: int) -> Sequence[int]:
        # the condition gives the transaction an id before it draws: the tailer relies on it
        draw = (
            b"SELECT nextval('log_position') FROM generate_series(1, $1::INTEGER) "
            b"WHERE pg_current_xact_id() IS NOT NULL"
        )
        places = sorted(row[0] for row in self._rows(draw, [count]))
        self.drawn = max([self.drawn, *places])
        return places

    @contextmanager
    def savepoint(self) -> Generator[None]:
        with self._connection.transaction():
            yield

    def select(self, query: Sql) -> list[tuple[Any, ...]]:
        return self._rows(_numbered(query.text), [dialect.plain(v) for v in query.values])

    def execute(self, statement: Sql) -> int:
        self.writes += 1
        values = [dialect.plain(value) for value in statement.values]
        return self._touch(_numbered(statement.text), values)

    def _rows(self, text: bytes, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._cursor.execute(text, params).fetchall()

    def _touch(self, text: bytes, params: Sequence[Any]) -> int:
        return self._cursor.execute(text, params).rowcount

    def _send(self, name: str, text: bytes, params: Sequence[Any], rows: int | None) -> None:
        """Run a statement whose answer nobody waits for; `rows`: how many it has to touch."""
        touched = self._touch(text, params)
        if rows is not None:
            dialect.check_each(name, rows, touched)


class PostgresSnapshot(PostgresTransaction):
    """Reads for SNAPSHOT_SECONDS from its first statement on, which is when the snapshot begins."""

    def __init__(self, connection: psycopg.Connection) -> None:
        super().__init__(connection, repeated=False)
        self._end: float | None = None
        self._piece_ends = 0.0

    def _rows(self, text: bytes, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        now = monotonic()
        if self._end is None:
            let_pass()
            now = monotonic()
            self._end, self._piece_ends = now + SNAPSHOT_SECONDS, now + PIECE_SECONDS
        elif now > self._end:
            raise StoreTimeout(TOO_LONG)
        elif now > self._piece_ends:
            give_way()
            self._piece_ends = monotonic() + PIECE_SECONDS
        return super()._rows(text, params)


@cache
def _query(name: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a query with places by number, and which parameter goes where."""
    text = QUERIES[name]
    names = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    for number, name_ in enumerate(names, 1):
        text = text.replace(f"%({name_})s", f"${number}")
    return text.encode(), names


@cache
def _by_ids(name: str) -> bytes:
    return BY_IDS[name].replace("{ids}", "= ANY($1)").encode()


@cache
def _bulk(name: str, rows: int) -> bytes:
    return _with_numbers("%s", BULK[name].text(rows))


@lru_cache(maxsize=256)
def _numbered(text: str) -> bytes:
    return _with_numbers(r"\?", text)


def _with_numbers(mark: str, text: str) -> bytes:
    """Return a text with places by number instead of marks."""
    numbers = count(1)
    return re.sub(mark, lambda _: f"${next(numbers)}", text).encode()
