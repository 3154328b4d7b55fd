"""What SQLite's errors mean."""

from __future__ import annotations

import sqlite3

from legato._model.errors import StoreBusy, StoreError, StoreFull, StoreReadOnly


def translate(error: sqlite3.Error, path: str) -> Exception:
    """Return the store's error for one that has to do with the file; others as they are."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"There is no room left for {path}.")
    if code == sqlite3.SQLITE_READONLY:
        return StoreReadOnly(f"{path} cannot be written.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path} is in use by something that is not Legato.")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"{path} cannot be opened: {error}")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"{path} is not a sound database: {error}")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"{path} cannot be read or written: {error}")
    return error
