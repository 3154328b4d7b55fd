"""Bring the file of a SQLite store to this version's schema: a backup, then one transaction.

Runs under the store's kernel lock, so that of two processes one upgrades and the other finds it
done. Loaded only when a file is older than this version: it needs SQLAlchemy and Alembic.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from legato._model.errors import StoreError, StoreTooOld
from legato._store import migrate, sqlite_home, statistics, versions
from legato._store.faults import InjectedFault, failpoint
from legato._store.platform_posix import is_network_path, kernel_lock
from legato._store.sqlite_errors import translate
from legato._store.versions import COMMAND, MIB, SCHEMA, Plan


class Outlook(NamedTuple):
    """An older database and how it would be upgraded."""

    version: int
    size: int
    plan: Plan

    def __str__(self) -> str:
        seconds = self.plan.seconds
        time = f"up to about {seconds:.0f} s" if seconds >= 1 else "a moment"
        return f"schema {self.version} to {SCHEMA}, {self.size / MIB:.1f} MiB: it takes {time}"


def in_run(path: Path) -> None:
    """Upgrade on the way of a run, if that is soon over; the kernel lock is held."""
    with _opened(path) as connection:
        found = _look(connection, path)
        if found is None:
            return
        if not found.plan.in_run:
            reason = "inside of a run" if found.plan.backup else "without room for a backup"
            raise StoreTooOld(
                f"{path} must be upgraded ({found}); that is not done {reason}. Run: {COMMAND}"
            )
        kept = _back_up(connection, path, found.version)
        if kept is None:
            raise StoreTooOld(
                f"{path} must be upgraded, and there is no room for a backup of it. Run: {COMMAND}"
            )
        _migrate(connection, path, kept)
    _say(f"legato: {path} was upgraded from schema {found.version} to {SCHEMA}; {_kept_in(kept)}")


def outlook(path: Path) -> Outlook | None:
    """Tell how the database would be upgraded; None if it needs no upgrade."""
    with _opened(path) as connection:
        return _look(connection, path)


def by_command(path: Path, say: Callable[[str], None]) -> None:
    """Upgrade however long it takes, and without a backup if there is no room for one."""
    with kernel_lock(Path(f"{path}.lock")).held(), _opened(path) as connection:
        found = _look(connection, path)
        if found is None:
            say("Another process has upgraded it meanwhile.")
            return
        kept = _back_up(connection, path, found.version) if found.plan.backup else None
        _migrate(connection, path, kept)
    say(f"{path} was upgraded from schema {found.version} to {SCHEMA}; {_kept_in(kept)}")


def _kept_in(kept: Path | None) -> str:
    return f"as it was it is kept in {kept}." if kept else "there was no room for a backup."


def _say(line: str) -> None:
    stream: TextIO | None = sys.stderr  # None under pythonw
    if stream is not None:
        stream.write(f"{line}\n")


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translate(error, str(path)) from error


def _look(connection: sqlite3.Connection, path: Path) -> Outlook | None:
    with suppress(StoreTooOld):
        sqlite_home.check(connection, path, writer=True)
        return None
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    wal = Path(f"{path}-wal")
    size = path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    return Outlook(version, size, versions.plan(size, free, SCHEMA - version))


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path | None:
    """Copy the database beside itself, durably, and replace no earlier copy; None: no room."""
    fresh = path.with_name(f"{path.name}.before-{version}.new")
    fresh.unlink(missing_ok=True)
    failpoint("upgrade.before_backup")
    try:
        connection.execute("VACUUM INTO ?", (str(fresh),))
        _usable(fresh, path)
        failpoint("upgrade.before_link")
        kept = _free_name(path, version)
        fresh.rename(kept)
        sqlite_home.sync(path.parent)
    except InjectedFault:
        raise
    except OSError as error:
        raise sqlite_home.unusable(fresh, error) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
            raise
        return None
    finally:
        fresh.unlink(missing_ok=True)
    failpoint("upgrade.after_backup")
    return kept


def _usable(copy: Path, original: Path) -> None:
    """Make the copy what the original is, so that renaming it is enough to go back."""
    if not is_network_path(copy.parent):
        with _opened(copy) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    shutil.copymode(original, copy)
    sqlite_home.sync(copy)


def _free_name(path: Path, version: int) -> Path:
    name, number = f"{path.name}.before-{version}", 1
    kept = path.with_name(name)
    while os.path.lexists(kept):
        number += 1
        kept = path.with_name(f"{name}.{number}")
    return kept


def _migrate(connection: sqlite3.Connection, path: Path, kept: Path | None) -> None:
    """Run the migrations; if they fail the database is as it was, and needs no copy."""
    try:
        _run_migrations(connection)
    except (SQLAlchemyError, CommandError) as error:
        if kept is not None:
            kept.unlink(missing_ok=True)
        cause: Any = error.orig if isinstance(error, DBAPIError) else None
        if isinstance(cause, sqlite3.Error):
            known = translate(cause, str(path))
            if isinstance(known, StoreError):
                raise known from error
        raise StoreError(f"{path} could not be upgraded and is as it was: {error}") from error
    failpoint("upgrade.after_commit")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _run_migrations(connection: sqlite3.Connection) -> None:
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # by itself the driver begins no transaction before a change of the schema
    event.listen(engine, "begin", _begin)
    with engine.begin() as link:
        failpoint("upgrade.after_begin")
        migrate.upgrade(link)
        statistics.state(link)
        link.execute(text(f"PRAGMA user_version = {SCHEMA}"))
        failpoint("upgrade.before_commit")


def _begin(link: Connection) -> None:
    link.exec_driver_sql("BEGIN IMMEDIATE")
