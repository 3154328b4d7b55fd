"""How large a database is: rows and bytes of each table, and how old the oldest rows are.

Read beside the store, without its limit of time: each number is a statement of its own, so that
no snapshot stands for long, and the numbers need not fit each other exactly while others write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct

from legato._store.standing import at

FLOW_RUNS, TASK_RUNS, LOGS, RESULTS = "flow-runs", "task-runs", "logs", "results"
ARTIFACTS, EVENTS, OTHER = "artifacts", "events", "other"

KINDS: dict[str, tuple[str, ...]] = {
    FLOW_RUNS: ("flow_run", "flow_run_state", "flow_run_tag", "flow_run_input", "attempt"),
    TASK_RUNS: ("task_run", "task_run_state", "task_run_tag"),
    LOGS: ("log", "log_arrival"),
    RESULTS: ("result", "result_part", "cache_entry", "task_run_cache"),
    ARTIFACTS: ("artifact", "artifact_collection"),
    EVENTS: ("event", "event_label", "event_resource"),
}
"""Which tables hold what; every other table is of the kind `other`."""

_OLDEST = {
    FLOW_RUNS: "SELECT min(sort_at) FROM flow_run WHERE ws = 0",
    TASK_RUNS: "SELECT min(expected_at) FROM task_run WHERE ws = 0",
    LOGS: "SELECT day * 86400000000 FROM log_arrival ORDER BY position LIMIT 1",
    ARTIFACTS: "SELECT min(created_at) FROM artifact WHERE ws = 0",
    EVENTS: "SELECT received_at FROM event ORDER BY position LIMIT 1",
}
"""Of each of these an index tells at once."""

_COUNTED_BYTES = 64 * 1024 * 1024
"""Rows of larger tables of PostgreSQL are taken from its statistics."""


class TableSize(Struct, frozen=True, kw_only=True):
    """One table with its indexes."""

    table: str
    rows: int | None
    """None: not counted."""
    bytes: int | None
    """None: this build of SQLite does not tell."""
    estimated: bool = False
    """Whether `rows` is what the database's statistics say."""


class KindSize(Struct, frozen=True, kw_only=True):
    """The tables of one kind; `rows` are those of the first, which has one for each thing."""

    kind: str
    rows: int | None
    bytes: int | None
    oldest: datetime | None
    tables: list[TableSize]


class DatabaseSize(Struct, frozen=True, kw_only=True):
    """A database. What deleted rows have left free (SQLite only) is filled again first."""

    bytes: int
    free_bytes: int | None
    kinds: list[KindSize]


_Ask = Callable[[str], Sequence[Any] | None]


def of_sqlite(path: str) -> DatabaseSize:
    """Measure a SQLite file; raises sqlite3.Error."""
    import sqlite3
    from contextlib import closing
    from pathlib import Path

    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:

        def ask(query: str) -> Sequence[Any] | None:
            found: Sequence[Any] | None = connection.execute(query).fetchone()
            return found

        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        tables = [_sqlite_table(connection, name) for (name,) in names]
        free = _number(ask("PRAGMA freelist_count")) * _number(ask("PRAGMA page_size"))
        files = (path, f"{path}-wal")
        size = sum(os.path.getsize(file) for file in files if os.path.exists(file))
        return DatabaseSize(bytes=size, free_bytes=free, kinds=_kinds(tables, ask))


def _sqlite_table(connection: Any, table: str) -> TableSize:
    import sqlite3

    (rows,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    trees = "SELECT name FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0"
    of_tree = "SELECT sum(pgsize) FROM dbstat WHERE name = ? AND aggregate = 1"
    size: int | None = None
    with suppress(sqlite3.OperationalError):  # one that was built without dbstat
        found = connection.execute(trees, (table,)).fetchall()
        size = sum(connection.execute(of_tree, tree).fetchone()[0] or 0 for tree in found)
    return TableSize(table=table, rows=rows, bytes=size)


def of_postgres(url: str) -> DatabaseSize:
    """Measure a PostgreSQL database; raises psycopg.Error."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:

        def ask(query: str) -> Sequence[Any] | None:
            return connection.execute(query.encode()).fetchone()

        tables = [_postgres_table(ask, *row) for row in connection.execute(_RELATIONS).fetchall()]
        size = _number(ask("SELECT pg_database_size(current_database())"))
        return DatabaseSize(bytes=size, free_bytes=None, kinds=_kinds(tables, ask))


_RELATIONS = """
SELECT relname, pg_total_relation_size(oid), reltuples::bigint FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
"""


def _postgres_table(ask: _Ask, table: str, size: int, estimate: int) -> TableSize:
    if size > _COUNTED_BYTES and estimate >= 0:
        return TableSize(table=table, rows=estimate, bytes=size, estimated=True)
    rows = _number(ask(f'SELECT count(*) FROM "{table}"'))
    return TableSize(table=table, rows=rows, bytes=size)


def _kinds(tables: Iterable[TableSize], ask: _Ask) -> list[KindSize]:
    known = {table.table: table for table in tables}
    kinds = {
        kind: [known.pop(name) for name in names if name in known] for kind, names in KINDS.items()
    }
    kinds[OTHER] = sorted(known.values(), key=lambda table: table.table)
    return [_kind(kind, found, ask) for kind, found in kinds.items()]


def _kind(kind: str, tables: list[TableSize], ask: _Ask) -> KindSize:
    sizes = [table.bytes for table in tables if table.bytes is not None]
    whole = len(tables) == len(KINDS.get(kind, ()))  # an older version's database has fewer
    oldest = ask(_OLDEST[kind]) if whole and kind in _OLDEST else None
    return KindSize(
        kind=kind,
        rows=tables[0].rows if tables and kind != OTHER else None,
        bytes=sum(sizes) if len(sizes) == len(tables) else None,
        oldest=None if oldest is None or oldest[0] is None else at(oldest[0]),
        tables=tables,
    )


def _number(row: Sequence[Any] | None) -> int:
    return 0 if row is None else int(row[0])
