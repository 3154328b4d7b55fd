"""The store in a PostgreSQL database, shared by any number of servers.

One connection writes. What queues up while it commits goes into its next transaction, so many
threads share one commit, and a lone one does not wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg import errors

from legato._model.errors import (
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreTooNew,
)
from legato._store.combine import Combiner, Item, run_op
from legato._store.faults import failpoint
from legato._store.port import Grade, Lane, Transaction
from legato._store.postgres_tailer import Tailer
from legato._store.postgres_transaction import PostgresTransaction

T = TypeVar("T")

SCHEMA = 2
TRIES = 3
_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
# too long a value for an index, say: psycopg takes them for errors of the server
_NOT_THE_SERVERS = (*_AGAIN, errors.ProgramLimitExceeded)
_LEAKED: list[object] = []


class PostgresStore:
    """A Legato database on PostgreSQL; opened on first use, already migrated."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._writer: psycopg.Connection | None = None
        self._grade: Grade | None = None
        self._combiner = Combiner(self._transact)
        self._idle: list[psycopg.Connection] = []
        self._idle_lock = threading.Lock()
        self._tailer = Tailer()

    def run(
        self,
        op: Callable[[Transaction], T],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> T:
        result: T = self._combiner.run(op, lane, grade)
        return result

    def read(self, op: Callable[[Transaction], T]) -> T:
        return self._look(lambda connection: op(PostgresTransaction(connection, repeated=False)))

    def stable_position(self) -> int:
        return self._look(self._tailer.advance)

    def _look(self, use: Callable[[psycopg.Connection], T]) -> T:
        """Use a connection of the readers', and end its transaction."""
        connection = self._take()
        try:
            value = use(connection)
            connection.rollback()
        except BaseException as error:
            with suppress(psycopg.Error):
                connection.rollback()
            if isinstance(error, psycopg.OperationalError):
                connection.close()
                raise translate(error) from error
            self._give(connection)
            raise
        self._give(connection)
        return value

    def close(self) -> None:
        with self._combiner.mutex:
            self._close()

    def prepare_fork(self) -> None:
        self._combiner.mutex.acquire()
        self._close()

    def resume_fork(self) -> None:
        self._combiner.mutex.release()

    def forget(self) -> None:
        _LEAKED.extend(c for c in (self._writer, *self._idle) if c is not None)
        self._writer = self._grade = None
        self._idle, self._idle_lock = [], threading.Lock()
        self._combiner = Combiner(self._transact)
        self._tailer = Tailer()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = self._grade = None
        with self._idle_lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> psycopg.Connection:
        with self._idle_lock:
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection

    def _give(self, connection: psycopg.Connection) -> None:
        with self._idle_lock:
            if not connection.closed:
                self._idle.append(connection)

    def _connect(self) -> psycopg.Connection:
        try:
            connection = psycopg.connect(self.url, prepare_threshold=2)
        except psycopg.OperationalError as error:
            raise StoreError(f"The database cannot be reached: {error}") from error
        connection.prepared_max = 400
        try:
            _check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _transact(self, items: list[Item], repeated: bool) -> None:
        for left in reversed(range(TRIES)):
            try:
                self._attempt(items, repeated)
            except _AGAIN:
                if not left:
                    raise
                for item in items:
                    item.value = item.error = None
            else:
                return

    def _attempt(self, items: list[Item], repeated: bool) -> None:
        connection = self._writer
        if connection is None or connection.closed:
            connection = self._writer = self._connect()
            self._grade = None
        try:
            self._commit(connection, items, repeated)
        except _NOT_THE_SERVERS:
            self._rollback(connection)
            raise
        except psycopg.OperationalError as error:
            self._rollback(connection)
            raise translate(error) from error
        except BaseException:
            self._rollback(connection)
            raise

    def _commit(self, connection: psycopg.Connection, items: list[Item], repeated: bool) -> None:
        acked = any(item.grade is Grade.ACKED for item in items)
        grade = Grade.ACKED if acked else Grade.PLAIN
        failpoint("store.before_begin")
        if grade is not self._grade:
            connection.execute(f"SET synchronous_commit = {'on' if acked else 'off'}")
            self._grade = grade
        failpoint("store.after_begin")
        tx = PostgresTransaction(connection, repeated=repeated)
        for item in items:
            run_op(item, tx)
        failpoint("store.before_commit")
        connection.commit()
        failpoint("store.after_commit")

    def _rollback(self, connection: psycopg.Connection) -> None:
        self._grade = None
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
            self._writer = None


def _check(connection: psycopg.Connection) -> None:
    try:
        row = connection.execute("SELECT schema, min_writer FROM meta").fetchone()
    except errors.UndefinedTable as error:
        raise StoreError("The database has no tables of Legato yet; migrate it first.") from error
    connection.commit()
    if row is None or row[0] < SCHEMA:
        raise StoreError("The database is of an older version of Legato; migrate it first.")
    if row[1] > SCHEMA:
        raise StoreTooNew(
            f"The database was made by a newer version of Legato (schema {row[0]}, this one "
            f"knows {SCHEMA}). Upgrade Legato."
        )


def translate(error: psycopg.OperationalError) -> StoreError:
    """Return the store's error for one of the server or the connection."""
    if isinstance(error, errors.DiskFull):
        return StoreFull("There is no room left for the database.")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return StoreReadOnly("The database cannot be written.")
    if isinstance(error, errors.LockNotAvailable | errors.TooManyConnections):
        return StoreBusy(f"The database is in use: {error}")
    return StoreError(f"The database could not be used: {error}")
