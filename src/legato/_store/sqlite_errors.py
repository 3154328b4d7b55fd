"""What SQLite's errors mean."""

from __future__ import annotations

import sqlite3

from legato._model.errors import (
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreTimeout,
)
from legato._store.port import TOO_LONG

_MEANING: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (StoreFull, "There is no room left for {path}."),
    sqlite3.SQLITE_READONLY: (StoreReadOnly, "{path} cannot be written."),
    sqlite3.SQLITE_BUSY: (StoreBusy, "{path} is in use by something that is not Legato."),
    sqlite3.SQLITE_LOCKED: (StoreBusy, "{path} is in use by something that is not Legato."),
    sqlite3.SQLITE_INTERRUPT: (StoreTimeout, TOO_LONG),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "{path} cannot be opened: {error}."),
    sqlite3.SQLITE_CORRUPT: (StoreError, "{path} is not a sound database: {error}."),
    sqlite3.SQLITE_NOTADB: (StoreError, "{path} is not a sound database: {error}."),
    sqlite3.SQLITE_IOERR: (StoreError, "{path} cannot be read or written: {error}."),
}


def translate(error: sqlite3.Error, path: str) -> Exception:
    """Return the store's error for one that has to do with the file; others as they are."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code not in _MEANING:
        return error
    kind, message = _MEANING[code]
    return kind(message.format(path=path, error=error))
