"""The file of a SQLite store: made from the template, checked for its version, configured."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import warnings
from pathlib import Path

from legato._model.errors import StoreError, StoreFull, StoreReadOnly, StoreTooNew, StoreTooOld
from legato._store.faults import InjectedFault, failpoint
from legato._store.platform_posix import is_network_path
from legato._store.sqlite_errors import translate
from legato._store.versions import COMMAND, SCHEMA

TEMPLATE = Path(__file__).with_name("template.db")
_warned: set[str] = set()


def create(path: Path) -> None:
    """Put a copy of the template in place, at once and durably; under the store's lock."""
    if path.exists() and path.stat().st_size > 0:
        return
    failpoint("template.before_copy")
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        shutil.copyfile(TEMPLATE, fresh)
        if is_network_path(path.parent):
            _leave_wal(fresh)
        sync(fresh)
        for rest in ("-wal", "-shm", "-journal"):  # of a deleted file: SQLite would replay it here
            path.with_name(path.name + rest).unlink(missing_ok=True)
        failpoint("template.before_rename")
        fresh.rename(path)
        failpoint("template.after_rename")
        sync(path.parent)
    except InjectedFault:
        raise
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise unusable(path, error) from error


def unusable(path: Path, error: OSError) -> StoreError:
    """Return what it means that the folder of the database cannot be written."""
    if error.errno == errno.ENOSPC:
        return StoreFull(f"There is no room left for {path}.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreReadOnly(f"{path} cannot be written: {error.strerror}.")
    return StoreError(f"{path} cannot be used: {error.strerror}.")


def sync(path: Path) -> None:
    """Wait until the file, or the names in the folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _leave_wal(path: Path) -> None:
    """Mark the file as one with a rollback journal: bytes 18 and 19 of the header."""
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x01\x01")


def connect(path: Path, *, writer: bool) -> sqlite3.Connection:
    """Open the database and check that this version may use it."""
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=5
        )
    except sqlite3.Error as error:
        raise translate(error, str(path)) from error
    try:
        check(connection, path, writer=writer)
        _configure(connection, path, writer=writer)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, str(path)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection, path: Path, *, writer: bool) -> int:
    """Return the schema of the file; raise if this version may not write, or read, it.

    A newer one says itself what it asks of those that do not know it.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    version = int(found)
    if version == SCHEMA or (version > SCHEMA and _lets_in(connection, version, writer=writer)):
        return version
    if version > SCHEMA:
        raise StoreTooNew(
            f"{path} was made by a newer version of Legato (schema {version}, this one knows "
            f"{SCHEMA}). Upgrade Legato, or set LEGATO_HOME to another folder."
        )
    if version > 0:
        raise StoreTooOld(
            f"{path} is of an older version of Legato (schema {version}, this one has {SCHEMA}). "
            f"Run: {COMMAND}"
        )
    raise StoreError(f"{path} is not a database of Legato (schema {version}).")


def _lets_in(connection: sqlite3.Connection, version: int, *, writer: bool) -> bool:
    least = "min_writer" if writer else "min_reader"
    query = f"SELECT {least} <= ? FROM meta WHERE schema = ?"
    try:
        row = connection.execute(query, (SCHEMA, version)).fetchone()
    except sqlite3.OperationalError:  # it has no such table any more
        return False
    return row is not None and bool(row[0])


def _configure(connection: sqlite3.Connection, path: Path, *, writer: bool) -> None:
    run = connection.execute
    if is_network_path(path.parent):
        _warn_network(path)
        run("PRAGMA journal_mode = DELETE")
    run("PRAGMA wal_autocheckpoint = 0")
    run("PRAGMA synchronous = NORMAL")
    run("PRAGMA cache_size = -8000")
    if not writer:
        run("PRAGMA query_only = ON")


def _warn_network(path: Path) -> None:
    if str(path) not in _warned:
        _warned.add(str(path))
        warnings.warn(
            f"{path.parent} lies on a network file system, where SQLite is slow and its locks "
            "cannot be relied on; set LEGATO_HOME to a local folder.",
            stacklevel=2,
        )
