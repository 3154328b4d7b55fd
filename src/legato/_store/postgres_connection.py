"""Connections to a PostgreSQL database of Legato, and what their errors mean."""

from __future__ import annotations

import psycopg
from psycopg import errors
from psycopg.types.numeric import Int8BinaryDumper

from legato._model.errors import (
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreTooNew,
    StoreTooOld,
)
from legato._store.port import SNAPSHOT_SECONDS
from legato._store.versions import COMMAND, SCHEMA


def connect(url: str) -> psycopg.Connection:
    """Open a connection to a database that this version may use."""
    try:
        connection = psycopg.connect(url, prepare_threshold=2)
    except psycopg.OperationalError as error:
        raise StoreError(f"The database cannot be reached: {error}") from error
    connection.prepared_max = 1000
    # by psycopg's own choice of types, 1 and 70000 make two statements of one
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    try:
        _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: psycopg.Connection) -> None:
    try:
        row = connection.execute("SELECT schema, min_writer FROM meta").fetchone()
    except errors.UndefinedTable as error:
        raise StoreTooOld(
            f"The database has no tables of Legato yet. Run: {COMMAND} --url URL"
        ) from error
    connection.commit()
    if row is None or row[0] < SCHEMA:
        raise StoreTooOld(
            f"The database is of an older version of Legato. Run: {COMMAND} --url URL"
        )
    if row[1] > SCHEMA:
        raise StoreTooNew(
            f"The database was made by a newer version of Legato (schema {row[0]}, this one "
            f"knows {SCHEMA}). Upgrade Legato."
        )


def limit(connection: psycopg.Connection) -> None:
    """Have the server itself end what reads too long, should this process be stuck."""
    names = ["statement_timeout", "idle_in_transaction_session_timeout"]
    if connection.info.server_version >= 170000:
        names.append("transaction_timeout")
    for name in names:
        connection.execute(
            "SELECT set_config(%s, %s, false)", (name, f"{SNAPSHOT_SECONDS * 1000:.0f}")
        )
    connection.commit()


def translate(error: psycopg.OperationalError) -> StoreError:
    """Return the store's error for one of the server or the connection."""
    if isinstance(error, errors.DiskFull):
        return StoreFull("There is no room left for the database.")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return StoreReadOnly("The database cannot be written.")
    if isinstance(error, errors.LockNotAvailable | errors.TooManyConnections):
        return StoreBusy(f"The database is in use: {error}")
    return StoreError(f"The database could not be used: {error}")
