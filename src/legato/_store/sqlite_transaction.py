"""A transaction on one `sqlite3` connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain
from time import monotonic
from typing import Any
from uuid import UUID

from legato._model.errors import StoreTimeout
from legato._store import dialect
from legato._store.courtesy import PIECE_SECONDS, give_way, let_pass
from legato._store.dialect import CHUNKS
from legato._store.faults import failpoint
from legato._store.generated_sqlite import BULK, BY_IDS, QUERIES
from legato._store.port import SNAPSHOT_SECONDS, TOO_LONG
from legato._store.sql import Sql

_SIZES = frozenset(CHUNKS)
STEPS = 20_000
"""Of SQLite's machine, between two looks at the clock while it reads: about a millisecond."""
PIECE_ROWS = 8


class SqliteTransaction:
    """Runs statements; what they are to do with each other is the operation's business.

    Many rows are written as few statements of fixed sizes, which stay prepared: 15 % less CPU than
    `executemany`, and the GIL is let go once a statement instead of once a row.
    """

    null: Any = dialect.NULL
    data_errors: tuple[type[Exception], ...] = (
        sqlite3.IntegrityError,
        sqlite3.DataError,
        sqlite3.InterfaceError,
        sqlite3.ProgrammingError,
    )

    def __init__(self, connection: sqlite3.Connection, *, repeated: bool) -> None:
        self.repeated = repeated
        self.writes = 0
        self._execute: Callable[..., sqlite3.Cursor] = connection.execute
        self._savepoints = 0

    uid = staticmethod(dialect.sqlite_uid)

    def rows(self, name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._all(QUERIES[name], dialect.sqlite_params(params))

    def rows_in(self, name: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for part in _parts(ids):
            found += self._all(*_by_ids(name, part))
        return found

    def run(self, name: str, params: Mapping[str, Any]) -> int:
        failpoint(f"write.{name}")
        self.writes += 1
        if name in BY_IDS:
            return sum(self._execute(*_by_ids(name, p)).rowcount for p in _parts(params["ids"]))
        return self._execute(QUERIES[name], dialect.sqlite_params(params)).rowcount

    def run_many(self, name: str, rows: Sequence[Sequence[Any]]) -> int:
        return self._write(name, list(chain.from_iterable(rows)))

    def bulk(self, name: str, flat: list[Any], *, each: bool = False) -> None:
        touched = self._write(name, flat)
        if each:
            dialect.check_each(name, len(flat) // BULK[name].width, touched)

    def _write(self, name: str, flat: list[Any]) -> int:
        failpoint(f"write.{name}")
        self.writes += 1
        bulk = BULK[name]
        width, start, touched = bulk.width, 0, 0
        left = len(flat) // width
        if left in _SIZES:
            return self._execute(bulk.text(left), flat).rowcount
        for size in CHUNKS:
            while left >= size:
                end = start + size * width
                touched += self._execute(bulk.text(size), flat[start:end]).rowcount
                start, left = end, left - size
        return touched

    def positions(self, count: int) -> Sequence[int]:
        ((first,),) = self._execute(QUERIES["meta.next_position"]).fetchall()
        self._execute(QUERIES["meta.draw"], {"next": first + count})
        return range(first, first + count)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        self._savepoints += 1
        name = f"s{self._savepoints}"
        self._execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has rolled everything back already
                self._execute(f"ROLLBACK TO {name}")
                self._execute(f"RELEASE {name}")
            raise
        self._execute(f"RELEASE {name}")

    def select(self, query: Sql) -> list[tuple[Any, ...]]:
        return self._all(query.text, _values(query))

    def execute(self, statement: Sql) -> int:
        self.writes += 1
        return self._execute(statement.text, _values(statement)).rowcount

    def _all(self, *statement: Any) -> list[tuple[Any, ...]]:
        return self._execute(*statement).fetchall()


class SqliteSnapshot(SqliteTransaction):
    """Reads for SNAPSHOT_SECONDS from its first statement on, which is when the snapshot begins.

    `check(connection)` runs as the first thing in the snapshot.
    """

    def __init__(
        self, connection: sqlite3.Connection, check: Callable[[sqlite3.Connection], None]
    ) -> None:
        super().__init__(connection, repeated=False)
        self._connection = connection
        self._check = check
        self._end: float | None = None
        self._piece_ends = 0.0
        self._execute = self._in_time

    def _all(self, *statement: Any) -> list[tuple[Any, ...]]:
        """Take the rows in pieces; so that many are not too many pieces, these grow."""
        self._give_way()
        cursor, size = self._in_time(*statement), PIECE_ROWS
        found: list[tuple[Any, ...]] = cursor.fetchmany(size)
        while len(found) == size:
            self._give_way()
            found += cursor.fetchmany(size)
            size *= 2
        return found

    def _give_way(self) -> None:
        """Give way, if much was done since the last time; few rows are read in one go."""
        if self._end is None:
            let_pass()
        elif monotonic() < self._piece_ends:
            return
        else:
            give_way()
        self._piece_ends = monotonic() + PIECE_SECONDS

    def _in_time(self, *statement: Any) -> sqlite3.Cursor:
        if self._end is None:
            self._begin()
        elif monotonic() > self._end:
            raise StoreTimeout(TOO_LONG)
        return self._connection.execute(*statement)

    def _begin(self) -> None:
        self._end = end = monotonic() + SNAPSHOT_SECONDS
        # nothing but C: SQLite would swallow what a signal handler raises in a function of Python
        late = map(end.__lt__, iter(monotonic, None)).__next__
        self._connection.set_progress_handler(late, STEPS)
        self._check(self._connection)


def _parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Cut a list into the sizes for which statements stay prepared."""
    start = 0
    for size in CHUNKS:
        while len(ids) - start >= size:
            yield ids[start : start + size]
            start += size


def _by_ids(name: str, ids: Sequence[UUID]) -> tuple[str, list[bytearray]]:
    return _by_ids_text(name, len(ids)), [dialect.sqlite_uid(i) for i in ids]


@lru_cache(maxsize=256)
def _by_ids_text(name: str, count: int) -> str:
    marks = f"IN ({', '.join('?' * count)})"
    return BY_IDS[name].replace("{ids}", marks)


def _values(statement: Sql) -> list[Any]:
    return [dialect.sqlite_value(value) for value in statement.values]
