"""A transaction on one psycopg connection."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import psycopg

from legato._store import dialect
from legato._store.dialect import CHUNKS
from legato._store.faults import failpoint
from legato._store.generated_postgres import BULK, BY_IDS, QUERIES

if TYPE_CHECKING:
    from sqlalchemy import Delete, Insert, Update
    from sqlalchemy.sql.base import Executable


class PostgresTransaction:
    """Runs statements; the connection has begun the transaction with the first of them."""

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
        self._connection = connection
        self._cursor = connection.cursor()

    @staticmethod
    def uid(value: UUID) -> UUID:
        return value

    def rows(self, name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._rows(QUERIES[name], dialect.postgres_params(params))

    def rows_in(self, name: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
        return self._rows(_by_ids(name), [list(ids)]) if ids else []

    def run(self, name: str, params: Mapping[str, Any]) -> int:
        failpoint(f"write.{name}")
        self.writes += 1
        if name in BY_IDS:
            return self._touch(_by_ids(name), [list(params["ids"])])
        return self._touch(QUERIES[name], dialect.postgres_params(params))

    def run_many(self, name: str, rows: Sequence[Sequence[Any]]) -> int:
        return self.bulk(name, list(chain.from_iterable(rows)))

    def bulk(self, name: str, flat: list[Any]) -> int:
        failpoint(f"write.{name}")
        self.writes += 1
        bulk = BULK[name]
        width, start, touched = bulk.width, 0, 0
        left = len(flat) // width
        for size in CHUNKS:
            while left >= size:
                end = start + size * width
                touched += self._touch(bulk.text(size), flat[start:end])
                start, left = end, left - size
        return touched

    def positions(self, count: int) -> Sequence[int]:
        # the condition gives the transaction an id before it draws: the tailer relies on it
        draw = (
            "SELECT nextval('log_position') FROM generate_series(1, %s) "
            "WHERE pg_current_xact_id() IS NOT NULL"
        )
        return sorted(row[0] for row in self._rows(draw, [count]))

    @contextmanager
    def savepoint(self) -> Generator[None]:
        with self._connection.transaction():
            yield

    def select(self, query: Executable) -> list[tuple[Any, ...]]:
        return self._rows(*_compiled(query))

    def execute(self, statement: Insert | Update | Delete) -> int:
        self.writes += 1
        return self._touch(*_compiled(statement))

    def _rows(self, text: str, params: Any) -> list[tuple[Any, ...]]:
        return self._cursor.execute(cast("Any", text), params).fetchall()

    def _touch(self, text: str, params: Any) -> int:
        return self._cursor.execute(cast("Any", text), params).rowcount


def _by_ids(name: str) -> str:
    return BY_IDS[name].replace("{ids}", "= ANY(%s)")


def _compiled(statement: Any) -> tuple[str, dict[str, Any]]:
    from legato._store.compiling import postgres_text

    return postgres_text(statement)
