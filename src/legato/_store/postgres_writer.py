"""One connection of a PostgreSQL store that writes, and the queue before it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from legato._store.combine import Combiner, Item, run_ops
from legato._store.faults import failpoint
from legato._store.port import Grade
from legato._store.postgres_connection import connect, translate
from legato._store.postgres_pipeline import transaction

TRIES = 3
_SYNCHRONOUS = {
    Grade.PLAIN: b"SET synchronous_commit = off",
    Grade.ACKED: b"SET synchronous_commit = on",
}
_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure)
# too long a value for an index, or an error that was passed over, say: psycopg takes them for
# errors of the server
_NOT_THE_SERVERS = (*_AGAIN, errors.ProgramLimitExceeded, errors.PipelineAborted)


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
        connection = self._connected()
        try:
            self._commit(connection, items, repeated)
        except _NOT_THE_SERVERS:
            self._rollback(connection)
            raise
        except psycopg.OperationalError as error:
            self._rollback(connection)
            raise translate(error) from error
        except Exception:
            self._rollback(connection)
            raise
        except BaseException:  # an interruption: whose the answers are that come now is unsure
            self.close()
            raise

    def _connected(self) -> psycopg.Connection:
        """Return the connection, a new one if what was done last on it has not come to an end."""
        connection = self.connection
        if connection is None or connection.info.transaction_status != TransactionStatus.IDLE:
            self.close()
            connection = connect(self.url)
            connection.autocommit = True
            self.connection = connection
        return connection

    def _commit(self, connection: psycopg.Connection, items: list[Item], repeated: bool) -> None:
        acked = any(item.grade is Grade.ACKED for item in items)
        grade = Grade.ACKED if acked else Grade.PLAIN
        failpoint("store.before_begin")
        settings = () if grade is self._grade else (_SYNCHRONOUS[grade],)
        with transaction(connection, *settings, repeated=repeated) as tx:
            self._grade = grade
            failpoint("store.after_begin")
            run_ops(items, tx)
            failpoint("store.before_commit")
        failpoint("store.after_commit")
        if tx.drawn and self.on_growth is not None:
            self.on_growth(tx.drawn)

    def _rollback(self, connection: psycopg.Connection) -> None:
        if connection.info.transaction_status == TransactionStatus.IDLE:
            self.close()  # it is over already: psycopg would keep prepared what never was
            return
        self._grade = None
        try:
            connection.rollback()
        except psycopg.Error:
            self.close()
