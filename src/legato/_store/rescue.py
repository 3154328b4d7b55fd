"""What can be read of a corrupt spool, in a new file; the old one is kept for people to look at."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import msgspec

from legato._model.records import Writer
from legato._store import spool
from legato._store.faults import failpoint

CORRUPT = ".corrupt"
_FRESH = ".new"


def rescue(path: str, writer: Writer | None = None) -> None:
    """Replace the corrupt spool `path` by a sound one, and keep it as `<path>.corrupt`.

    `writer` is taken if the file does not say any more whose records it holds.
    """
    fresh, broken = path + _FRESH, path + CORRUPT
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        owner = _writer(old) or writer
        if owner is not None:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as new:
                spool.make(new, owner)
                new.execute("BEGIN")
                new.executemany("INSERT INTO record VALUES (?, ?)", _rows(old, "record", 2))
                new.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", _rows(old, "log", 4))
                new.execute("COMMIT")
    failpoint("spool.before_rescue")
    # the log of the old file must not be replayed into the new one
    for rest in spool.RESTS:
        with suppress(FileNotFoundError):
            os.rename(path + rest, broken + rest)
    os.rename(path, broken)
    with suppress(FileNotFoundError):
        os.rename(fresh, path)


def _writer(old: sqlite3.Connection) -> Writer | None:
    try:
        return spool.writer_of(old)
    except (sqlite3.Error, ValueError, msgspec.MsgspecError):
        return None


def _rows(old: sqlite3.Connection, table: str, width: int) -> Iterator[tuple[Any, ...]]:
    """Read from the beginning up to the damage, then from the end down to it."""
    last = -1
    for row in _readable(old, f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq", -1):
        last = row[0]
        yield row[:width]
    query = f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq DESC"
    for row in _readable(old, query, last):
        yield row[:width]


def _readable(old: sqlite3.Connection, query: str, after: int) -> Iterator[tuple[Any, ...]]:
    with suppress(sqlite3.Error):
        yield from old.execute(query, (after,))
