"""A transaction whose statements travel together, as far as nobody waits for their answers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import RawCursor, errors

from legato._store.dialect import check_each
from legato._store.postgres_transaction import PostgresTransaction


@contextmanager
def transaction(
    connection: psycopg.Connection, *settings: bytes, repeated: bool
) -> Generator[PostgresPipeline]:
    """Begin with statements that set something, and commit after the block.

    Raises what is wrong with any statement that was sent; nothing stands then. After an
    interruption the connection is closed: whose the answers are that still come is unsure.
    """
    commit: RawCursor[Any] | None = None
    problem: BaseException | None = None
    try:
        with connection.pipeline() as pipeline:
            tx = PostgresPipeline(connection, pipeline, repeated=repeated)
            try:
                tx.begin(*settings)
                yield tx
                commit = tx.commit()
            except Exception as error:  # noqa: BLE001 - raised below
                problem = tx.met or error
                tx.drain()
            except BaseException as error:  # noqa: BLE001 - raised below
                problem = error
                connection.close()
    except psycopg.Error as error:
        problem = _interruption(error) or problem or error
    # not within the pipeline: it would log what it meets while it ends
    if problem is not None:
        raise problem
    if commit is None or commit.statusmessage != "COMMIT":  # but ROLLBACK, of an aborted one
        raise errors.InFailedSqlTransaction("An error of a statement before was passed over.")


def _interruption(error: psycopg.Error) -> BaseException | None:
    """Return what interrupted the end of a pipeline, which psycopg follows by an error."""
    before = error.__context__
    return None if isinstance(before, Exception) else before


class PostgresPipeline(PostgresTransaction):
    """On a connection that commits each statement where none has begun a transaction.

    What needs no answer is sent at once and waited for with the next statement that needs one, or
    with the commit: a way there and back costs more than most statements. An error of such a
    statement is raised where it is met, so the transaction may be an aborted one before anybody
    notices; it cannot be committed then.
    """

    def __init__(
        self, connection: psycopg.Connection, pipeline: psycopg.Pipeline, *, repeated: bool
    ) -> None:
        super().__init__(connection, repeated=repeated)
        self._pipeline = pipeline
        self._sent: list[tuple[RawCursor[Any], str, int]] = []
        """Those that have to touch a number of rows."""
        self.met: Exception | None = None
        """What was met as a savepoint began; who uses that may take it for an error within."""

    def begin(self, *settings: bytes) -> None:
        """Send the begin, and statements that set something."""
        for statement in (b"BEGIN", *settings):
            self._command(statement)

    def commit(self) -> RawCursor[Any]:
        """Send the commit, unless a statement has not found its rows; return what is to come."""
        if any(cursor.pgresult is None for cursor, _, _ in self._sent):
            self._pipeline.sync()
        self._check()
        if self.met is not None:
            raise self.met
        return self._command(b"COMMIT")

    def drain(self) -> None:
        """Take in what is still on its way, after an error."""
        self._sent.clear()
        with suppress(psycopg.Error):
            self._pipeline.sync()

    @contextmanager
    def savepoint(self) -> Generator[None]:
        try:
            self._settle()
        except Exception as error:
            self.met = error
            raise
        with psycopg.Transaction(self._connection):
            try:
                yield
                self._settle()
            except Exception:
                self.drain()
                raise
            except BaseException:
                self._connection.close()
                raise

    def _settle(self) -> None:
        self._pipeline.sync()
        self._check()

    def _check(self) -> None:
        for cursor, name, rows in self._sent:
            check_each(name, rows, cursor.rowcount)
        self._sent.clear()

    def _command(self, statement: bytes) -> RawCursor[Any]:
        # a cursor is not used again before it has its answer; without the statement that begins
        # the others would be on their own, so it must not depend on what the server has prepared
        return RawCursor(self._connection).execute(statement, prepare=False)

    def _rows(self, text: bytes, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        self._cursor.execute(text, params)
        self._pipeline.sync()  # else the server would not see how long we rest after it
        return self._cursor.fetchall()

    def _touch(self, text: bytes, params: Sequence[Any]) -> int:
        self._cursor.execute(text, params)
        self._pipeline.sync()
        return self._cursor.rowcount

    def _send(self, name: str, text: bytes, params: Sequence[Any], rows: int | None) -> None:
        cursor = RawCursor(self._connection).execute(text, params)
        if rows is not None:
            self._sent.append((cursor, name, rows))
