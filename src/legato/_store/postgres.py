"""The store in a PostgreSQL database, shared by any number of servers.

Two connections write: one for leases, which must not wait behind long transactions, and one for
all else. What queues up while one of them commits goes into its next transaction, so many threads
share one commit, and a lone one does not wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg import errors

from legato._model.errors import StoreTimeout
from legato._store.port import TOO_LONG, Grade, Lane, Transaction, Watch
from legato._store.postgres_connection import connect, limit, translate
from legato._store.postgres_notices import Listener, Notifier
from legato._store.postgres_tailer import Tailer
from legato._store.postgres_transaction import PostgresSnapshot
from legato._store.postgres_writer import PostgresWriter

T = TypeVar("T")

_ENDED = (
    errors.QueryCanceled,
    errors.IdleInTransactionSessionTimeout,
    errors.TransactionTimeout,
)
_LEAKED: list[object] = []


class PostgresStore:
    """A Legato database on PostgreSQL; opened on first use, already migrated."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._begin()

    def _begin(self) -> None:
        self._writer, self._leases = PostgresWriter(self.url), PostgresWriter(self.url)
        self._idle: list[psycopg.Connection] = []
        self._idle_lock = threading.Lock()
        self._tailer = Tailer()
        self._notifier: Notifier | None = None

    def run(
        self,
        op: Callable[[Transaction], T],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> T:
        writer = self._leases if lane is Lane.LEASES else self._writer
        result: T = writer.combiner.run(op, lane, grade)
        return result

    def run_all(
        self,
        ops: Sequence[Callable[[Transaction], T]],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> list[T | BaseException]:
        writer = self._leases if lane is Lane.LEASES else self._writer
        return writer.combiner.run_all(ops, lane, grade)

    def read(self, op: Callable[[Transaction], T]) -> T:
        return self._look(lambda connection: op(PostgresSnapshot(connection)))

    def read_placed(self, op: Callable[[Transaction, int], T]) -> T:
        position = self.stable_position()
        return self.read(lambda tx: op(tx, position))

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
            if isinstance(error, _ENDED):
                connection.close()
                raise StoreTimeout(TOO_LONG) from error
            if isinstance(error, psycopg.OperationalError):
                connection.close()
                raise translate(error) from error
            self._give(connection)
            raise
        self._give(connection)
        return value

    def watch(self, wake: Callable[[], None]) -> Watch:
        return Listener(self.url, lambda: self._tailer.stable, wake)

    def announce(self) -> None:
        if self._notifier is None:
            self._notifier = Notifier(self.url)
            for writer in (self._writer, self._leases):
                writer.on_growth = self._notifier.note

    def upkeep(self) -> Callable[[], None] | None:
        return None

    def shrink(self, spare: float) -> int:
        return 0

    def close(self) -> None:
        for writer in (self._writer, self._leases):
            with writer.combiner.mutex:
                writer.close()
                writer.on_growth = None
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None
        self._close_idle()

    def prepare_fork(self) -> None:
        for writer in (self._writer, self._leases):
            writer.combiner.mutex.acquire()
            writer.close()
        self._close_idle()

    def resume_fork(self) -> None:
        for writer in (self._writer, self._leases):
            writer.combiner.mutex.release()

    def forget(self) -> None:
        held = (self._writer.connection, self._leases.connection, *self._idle)
        _LEAKED.extend(connection for connection in held if connection is not None)
        self._begin()

    def _close_idle(self) -> None:
        with self._idle_lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> psycopg.Connection:
        with self._idle_lock:
            if self._idle:
                return self._idle.pop()
        connection = connect(self.url)
        limit(connection)
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection

    def _give(self, connection: psycopg.Connection) -> None:
        with self._idle_lock:
            if not connection.closed:
                self._idle.append(connection)
