"""Where a long history is written: a new SQLite file, or an empty PostgreSQL database."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

Row = dict[str, Any]


class SqliteTarget:
    """A new SQLite file; nothing is safe until it is closed."""

    def __init__(self, path: Path) -> None:
        from legato._store import sqlite_home

        if path.exists():
            sys.exit(f"{path} exists already; seed into a new file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Path(sqlite_home.TEMPLATE).read_bytes())
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._statistics = self._connection.execute("SELECT * FROM sqlite_stat1").fetchall()
        self._indexes = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in self._indexes:
            self._connection.execute(f"DROP INDEX {name}")

    def put(self, table: str, rows: Iterable[Row]) -> int:
        first, rest = _headed(rows)
        marks = ",".join("?" * len(first))
        insert = f"INSERT INTO {table} ({','.join(first)}) VALUES ({marks})"
        self._connection.execute("BEGIN")
        found = self._connection.executemany(insert, (tuple(row.values()) for row in rest))
        self._connection.execute("COMMIT")
        return found.rowcount

    def finish(self, next_position: int) -> float:
        """Build the indexes; return the size in MB."""
        for _, sql in self._indexes:
            self._connection.execute(sql)
        self._connection.execute("DELETE FROM sqlite_stat1")
        self._connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", self._statistics)
        self._connection.execute("UPDATE meta SET next_position = ?", (next_position,))
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.close()
        return self._path.stat().st_size / 1e6


class PostgresTarget:
    """An empty PostgreSQL database."""

    def __init__(self, url: str) -> None:
        import psycopg

        from legato._store import migrate

        migrate.migrate_postgres(url)
        self._connection = psycopg.connect(url, autocommit=True)
        if self._scalar("SELECT count(*) FROM flow_run"):
            sys.exit("The database has flow runs already; seed into an empty one.")
        self._indexes = self._connection.execute(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
            "JOIN pg_class c ON c.oid = i.indexrelid "
            "LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND k.oid IS NULL"
        ).fetchall()
        for name, _ in self._indexes:
            self._connection.execute(f"DROP INDEX {name}")

    def put(self, table: str, rows: Iterable[Row]) -> int:
        first, rest = _headed(rows)
        ids = self._ids_of(table)
        copy = f"COPY {table} ({','.join(first)}) FROM STDIN"
        count = 0
        with self._connection.cursor().copy(copy) as stream:
            for row in rest:
                for name in ids:
                    if row.get(name) is not None:
                        row[name] = UUID(bytes=row[name])
                stream.write_row(list(row.values()))
                count += 1
        return count

    def finish(self, next_position: int) -> float:
        """Build the indexes; return the size in MB."""
        for _, sql in self._indexes:
            self._connection.execute(sql)
        self._connection.execute("SELECT setval('log_position', %s)", (next_position,))
        self._connection.execute("VACUUM ANALYZE")
        size = self._scalar("SELECT pg_database_size(current_database())")
        self._connection.close()
        return float(size) / 1e6

    def _ids_of(self, table: str) -> list[str]:
        found = self._connection.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = %s AND data_type = 'uuid'",
            (table,),
        )
        return [row[0] for row in found]

    def _scalar(self, query: str) -> int:
        found = self._connection.execute(query).fetchone()
        assert found is not None
        return int(found[0])


def _headed(rows: Iterable[Row]) -> tuple[list[str], Iterator[Row]]:
    """Return the columns, and all rows."""
    iterator = iter(rows)
    first = next(iterator)

    def again() -> Iterator[Row]:
        yield first
        yield from iterator

    return list(first), again()
