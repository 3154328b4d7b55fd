"""The store in a SQLite file, shared by any number of processes.

One writer connection per process. Every write transaction and every checkpoint runs under one
kernel lock on `<db>.lock`: SQLite before 3.51.3 can corrupt a database when a checkpoint races
with a commit, and its busy handler starves writers where the kernel's queue does not.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TypeVar

from legato._model.errors import StoreError, StoreTooOld
from legato._store import ahead, sqlite_home
from legato._store.combine import Combiner, Item, run_ops
from legato._store.faults import failpoint
from legato._store.platform_posix import kernel_lock, let_go
from legato._store.port import Grade, Lane, Transaction, Watch
from legato._store.sqlite_errors import translate
from legato._store.sqlite_log import WriteAheadLog
from legato._store.sqlite_space import give_back
from legato._store.sqlite_transaction import SqliteSnapshot, SqliteTransaction
from legato._store.versions import SCHEMA
from legato._store.watching import PollingWatch

T = TypeVar("T")

BUSY_SECONDS = 5.0
BUSY_MS = 50  # for which SQLite itself waits

_LEAKED: list[object] = []
"""Connections inherited by a fork: closing them here would be the parent's undoing."""


class SqliteStore:
    """A Legato database in one file; opened, and made if missing, on first use."""

    def __init__(self, path: Path, take_in: Callable[[Transaction], None] | None = None) -> None:
        """`take_in` makes rows of what processes have written ahead (`ahead.py`)."""
        path = Path(os.path.realpath(path))  # the log and the lock lie beside the file itself
        self.path = path
        self._take_in = take_in
        self._log = WriteAheadLog(path)
        self._writer: sqlite3.Connection | None = None
        self._grade: Grade | None = None
        self._combiner = Combiner(self._transact)
        self._readers = _Readers(path, self._open_reader)
        self._schema = SCHEMA
        try:
            self._lock = kernel_lock(Path(f"{path}.lock"))
        except OSError as error:
            raise sqlite_home.unusable(path, error) from error

    def run(
        self,
        op: Callable[[Transaction], T],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> T:
        result: T = self._combiner.run(op, lane, grade)
        return result

    def run_all(
        self,
        ops: Sequence[Callable[[Transaction], T]],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> list[T | BaseException]:
        return self._combiner.run_all(ops, lane, grade)

    def read(self, op: Callable[[Transaction], T]) -> T:
        return self._readers.read(op)

    def read_placed(self, op: Callable[[Transaction, int], T]) -> T:
        def look(tx: Transaction) -> T:
            # positions are drawn under the write lock: what is committed has no hole before it
            ((next_position,),) = tx.rows("meta.next_position", {})
            return op(tx, next_position - 1)

        return self.read(look)

    def changes(self) -> tuple[int, int]:
        """Return what is another value once any connection has committed; costs no transaction."""
        return self._readers.changes()

    def upkeep(self) -> Callable[[], None] | None:
        return self._tend_log if self._log.due else None

    def shrink(self, spare: float) -> int:
        return self.run(lambda tx: give_back(tx, spare), Lane.PRUNING, Grade.PLAIN)

    def _tend_log(self) -> None:
        with self._combiner.mutex:
            if self._writer is not None:  # else it was closed, and perhaps the lock's file with it
                with self._lock.held():
                    self._log.tend(self._writer)

    def stable_position(self) -> int:
        return self.read_placed(lambda _, position: position)

    def watch(self, wake: Callable[[], None]) -> Watch:
        return PollingWatch(self.changes, wake)

    def announce(self) -> None:
        """Nothing is to be done: SQLite counts the commits of all processes."""

    def close(self) -> None:
        with self._combiner.mutex:
            self._close()

    def retire(self) -> None:
        """Close for good, so that the folder of the database can be removed."""
        self.close()
        let_go(Path(f"{self.path}.lock"))

    def prepare_fork(self) -> None:
        self._combiner.mutex.acquire()
        try:
            self._readers.hold()
            self._close()
        except BaseException:
            self._combiner.mutex.release()
            raise

    def resume_fork(self) -> None:
        self._readers.release()
        self._combiner.mutex.release()

    def forget(self) -> None:
        readers = self._readers
        _LEAKED.extend(c for c in (self._writer, readers.onlooker, *readers.idle) if c is not None)
        self._lock.forget()
        self._writer = self._grade = None
        self._combiner = Combiner(self._transact)
        self._readers = _Readers(self.path, self._open_reader)

    # -- all below runs under the combiner's mutex

    def _close(self) -> None:
        if self._writer is None and not self._readers.idle and self._readers.onlooker is None:
            return
        with self._lock.held():
            self._readers.close()
            if self._writer is not None:
                self._writer.close()
                self._writer = self._grade = None

    def _transact(self, items: list[Item], repeated: bool) -> None:
        failpoint("store.before_lock")
        with self._lock.held():
            failpoint("store.after_lock")
            connection = self._writer or self._open()
            try:
                for part in _apart(items):
                    self._commit(connection, part, repeated)
            except sqlite3.Error as error:
                self._rollback(connection)
                raise translate(error, str(self.path)) from error
            except BaseException:
                self._rollback(connection)
                raise
            self._log.after_commit(connection, full=self._grade is Grade.ACKED)
        failpoint("store.after_unlock")

    def _open(self) -> sqlite3.Connection:
        connection = self._connect(writer=True)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._writer, self._grade = connection, Grade.PLAIN
        failpoint("store.opened")
        return connection

    def _open_reader(self) -> sqlite3.Connection:
        if self._readers.opened:
            return sqlite_home.connect(self.path, writer=False)
        with self._lock.held():
            return self._connect(writer=False)

    def _connect(self, *, writer: bool) -> sqlite3.Connection:
        """Open the file, which is made or upgraded first if need be; under the kernel lock."""
        sqlite_home.create(self.path)
        try:
            return sqlite_home.connect(self.path, writer=writer)
        except StoreTooOld:
            from legato._store import upgrade

            upgrade.in_run(self.path)
        return sqlite_home.connect(self.path, writer=writer)

    def _commit(self, connection: sqlite3.Connection, items: list[Item], repeated: bool) -> None:
        acked = any(item.grade is Grade.ACKED for item in items)
        grade = Grade.ACKED if acked else Grade.PLAIN
        if grade is not self._grade:
            mode = "FULL" if acked else "NORMAL"
            connection.execute(f"PRAGMA synchronous = {mode}")
            self._grade = grade
        failpoint("store.before_begin")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            _insist(connection, error)
        failpoint("store.after_begin")
        self._check(connection)
        tx = SqliteTransaction(connection, repeated=repeated)
        if self._take_in is not None and not all(map(_is_in_order, items)) and ahead.is_any(tx):
            self._take_in(tx)
        run_ops(items, tx)
        failpoint("store.before_commit")
        connection.execute("COMMIT")
        failpoint("store.after_commit")

    def _check(self, connection: sqlite3.Connection) -> None:
        """See whether another process has upgraded the file beyond what this one may write."""
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema != self._schema:
            self._schema = sqlite_home.check(connection, self.path, writer=True)

    def _rollback(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _apart(items: list[Item]) -> list[list[Item]]:
    """Return what goes into one transaction each."""
    first = [item for item in items if getattr(item.op, "goes_apart", False)]
    if not first or len(first) == len(items):
        return [items]
    return [first, [item for item in items if item not in first]]


def _is_in_order(item: Item) -> bool:
    return getattr(item.op, "in_order", False)


def _insist(connection: sqlite3.Connection, error: sqlite3.OperationalError) -> None:
    """Begin to write although another program does; raise if that goes on for long.

    In many short waits: the handlers of signals run between them, but not while SQLite waits.
    """
    end = monotonic() + BUSY_SECONDS
    while error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY and monotonic() < end:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as again:
            error = again
        else:
            return
    raise error


class _Readers:
    """Connections that cannot write, one per reader at a time."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self.path = path
        self._connect = connect
        self._schema = SCHEMA
        self.idle: list[sqlite3.Connection] = []
        self.onlooker: sqlite3.Connection | None = None
        self._looks = 0
        self.opened = False
        self._out = 0
        self._held = False
        self._change = threading.Condition()

    def read(self, op: Callable[[Transaction], T]) -> T:
        connection = self._take()
        try:
            connection.execute("BEGIN")
            return op(SqliteSnapshot(connection, self._check))
        except sqlite3.Error as error:
            raise translate(error, str(self.path)) from error
        finally:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            connection.set_progress_handler(None, 0)
            self._give(connection)

    def changes(self) -> tuple[int, int]:
        with self._change:
            while self._held:
                self._change.wait()
            if self.onlooker is None:
                self.onlooker = self._connect()
                self._looks += 1
            try:
                (version,) = self.onlooker.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error as error:
                raise translate(error, str(self.path)) from error
            return self._looks, version

    def _check(self, connection: sqlite3.Connection) -> None:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema != self._schema:
            self._schema = sqlite_home.check(connection, self.path, writer=False)

    def _take(self) -> sqlite3.Connection:
        with self._change:
            while self._held:
                self._change.wait()
            self._out += 1
            if self.idle:
                return self.idle.pop()
        try:
            connection = self._connect()
        except BaseException:
            self._give(None)
            raise
        self.opened = True
        return connection

    def _give(self, connection: sqlite3.Connection | None) -> None:
        with self._change:
            self._out -= 1
            if connection is not None:
                self.idle.append(connection)
            self._change.notify_all()

    def hold(self) -> None:
        """Keep readers out until `release`, and wait for those that read."""
        with self._change:
            self._held = True
            if not self._change.wait_for(lambda: self._out == 0, timeout=5):
                self._held = False
                raise StoreError("A reader did not end in time for a fork.")

    def release(self) -> None:
        with self._change:
            self._held = False
            self._change.notify_all()

    def close(self) -> None:
        with self._change:
            while self.idle:
                self.idle.pop().close()
            if self.onlooker is not None:
                self.onlooker.close()
                self.onlooker = None
            self.opened = False
