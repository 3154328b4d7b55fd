"""One connection of a PostgreSQL store that writes, and the queue before it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import errors

from legato._store.combine import Combiner, Item, run_ops
from legato._store.faults import failpoint
from legato._store.port import Grade
from legato._store.postgres_connection import connect, translate
from legato._store.postgres_transaction import PostgresTransaction

TRIES = 3
_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
# too long a value for an index, say: psycopg takes them for errors of the server
_NOT_THE_SERVERS = (*_AGAIN, errors.ProgramLimitExceeded)


class PostgresWriter:
    """Runs what its combiner hands it, on a connection that is opened on first use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.combiner = Combiner(self._transact)
        self.connection: psycopg.Connection | None = None
        self._grade: Grade | None = None
        self.on_growth: Callable[[int], None] | None = None
        """Called after a commit with the highest position that it has drawn."""

    def close(self) -> None:
        """Close the connection; under the mutex of the combiner."""
        if self.connection is not None:
            self.connection.close()
            self.connection = self._grade = None

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
        connection = self.connection
        if connection is None or connection.closed:
            connection = self.connection = connect(self.url)
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
        run_ops(items, tx)
        failpoint("store.before_commit")
        connection.commit()
        failpoint("store.after_commit")
        if tx.drawn and self.on_growth is not None:
            self.on_growth(tx.drawn)

    def _rollback(self, connection: psycopg.Connection) -> None:
        self._grade = None
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
            self.connection = None
