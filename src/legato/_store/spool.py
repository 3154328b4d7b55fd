"""The spool: records of one writer that wait for the database, in a SQLite file of their own.

Each record stands under the number that the journal gave it. Log lines have a table to themselves,
so that the room of those that are dropped can be used again; numbers that are missing were theirs.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from legato._model.errors import StoreError, StoreFull, StoreTooNew
from legato._model.logs import LogCreate
from legato._model.packing import packed, unpacked
from legato._model.records import Logged, Record, Skipped, Writer
from legato._store.faults import failpoint
from legato._store.platform_posix import is_network_path
from legato._store.sqlite_errors import translate
from legato._store.sqlite_home import unusable

FORMAT = 1
SUFFIX = ".db"
LIMIT = 500  # records read at once
SPAN = 5000  # numbers that one batch covers at most
MARKER = "legato.journal"
RESTS = ("-wal", "-shm", "-journal")
_SKIPPED = Skipped()
_HIGHEST = 2**63 - 1
_SCHEMA = """
    CREATE TABLE writer (body BLOB NOT NULL);
    CREATE TABLE record (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
    -- lines: 1, or less than 0 for a marker that stands for so many dropped ones
    CREATE TABLE log (
        seq INTEGER PRIMARY KEY, body BLOB NOT NULL, run BLOB NOT NULL, lines INTEGER NOT NULL
    );
"""
_HEAD = """
    SELECT seq, body FROM record WHERE seq BETWEEN :first AND :last
    UNION ALL SELECT seq, body FROM log WHERE seq BETWEEN :first AND :last
    ORDER BY seq LIMIT :limit
"""
_CUT = "SELECT seq FROM log WHERE lines = 1 ORDER BY seq LIMIT 1 OFFSET ?"
_DROPPED = """
    SELECT run, min(seq), sum(abs(lines)), sum(lines = 1) FROM log WHERE seq <= ? GROUP BY run
"""

Rows = list[tuple[int, bytes]]
Lines = list[tuple[int, bytes, bytes, int]]


class SpoolFile:
    """The file of one writer; opened at the first use, and made if `writer` is given.

    `max_bytes` bounds it. All methods raise StoreError, or one of its kinds.
    """

    def __init__(self, path: str, writer: Writer | None = None, max_bytes: int = 2**30) -> None:
        self.path = path
        self.damaged = False
        """Whether the file was found corrupt or gone; what could be read is in a new one."""
        self._writer = writer
        self._max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._full = False
        self._made = False

    def find_writer(self) -> Writer | None:
        """Whose records these are; None: the process died before there were any."""
        with self._used() as connection:
            if not connection.execute("PRAGMA user_version").fetchone()[0]:
                return None
            return writer_of(connection)

    def put(self, first_seq: int, records: Sequence[Record], acked: bool) -> int:
        """Keep records, numbered from `first_seq` on; return how many log lines it cost.

        What stood under these and later numbers is replaced. Raises StoreFull if the file has
        reached its bound and no log line is left to make room.
        """
        rows, logs = _rows(first_seq, records)
        failpoint("spool.before_put")
        with self._used() as connection:
            self._sync(connection, full=acked)
            with _transaction(connection):
                connection.execute("DELETE FROM record WHERE seq >= ?", (first_seq,))
                connection.execute("DELETE FROM log WHERE seq >= ?", (first_seq,))
                connection.executemany("INSERT INTO record VALUES (?, ?)", rows)
                connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", logs)
                dropped = self._make_room(connection)
                failpoint("spool.before_commit")
        failpoint("spool.after_put")
        return dropped

    def harden(self) -> None:
        """Have all that was put survive a power cut: a full commit, of which something is written.

        The log of the database is synchronised as a whole, and one without a change is not.
        """
        with self._used() as connection:
            self._sync(connection, full=True)
            with _transaction(connection):
                connection.execute("UPDATE writer SET body = body")

    def _sync(self, connection: sqlite3.Connection, *, full: bool) -> None:
        if full is not self._full:
            connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            self._full = full

    def head(self, first: int, last: int | None = None) -> list[Record]:
        """Return the records from number `first` on; Skipped stands for those that are missing.

        `last`: the number up to which there were records; what a failed `put` may have left behind
        it does not count. None: up to the last one of the file.
        """
        try:
            found = self._read(first, last)
        except StoreError as error:
            if not is_corrupt(error.__cause__):
                raise
            self.rescue(self._writer)
            found = self._read(first, last)
        return filled(first, found, last if len(found) < LIMIT else None)

    def _read(self, first: int, last: int | None) -> list[tuple[int, Record]]:
        params = {"first": first, "last": _HIGHEST if last is None else last, "limit": LIMIT}
        with self._used() as connection:
            rows = connection.execute(_HEAD, params).fetchall()
        return [(seq, self._decoded(body)) for seq, body in rows]

    def _decoded(self, body: bytes) -> Record:
        try:
            return unpacked(body)
        except (ValueError, RecursionError):  # what msgspec raises for what is no record
            self.damaged = True
            return _SKIPPED

    def rescue(self, writer: Writer | None) -> None:
        """Put what can be read of a corrupt file into a new one; keep the old one beside it.

        `writer`: whose records these are, if the file does not say so itself any more.
        """
        from legato._store.rescue import rescue

        self.damaged = True
        self.close()
        try:
            rescue(self.path, writer)
        except sqlite3.Error as error:
            raise _meaning(error, self.path) from error
        except OSError as error:
            raise unusable(Path(self.path), error) from error

    def count(self) -> int:
        """Return how many records are there."""
        with self._used() as connection:
            query = "SELECT (SELECT count(*) FROM record) + (SELECT count(*) FROM log)"
            [[number]] = connection.execute(query).fetchall()
            return int(number)

    def remove(self, last: int) -> None:
        """Forget the records up to number `last`, which the database has."""
        failpoint("spool.before_remove")
        with self._used() as connection, _transaction(connection):
            connection.execute("DELETE FROM record WHERE seq <= ?", (last,))
            connection.execute("DELETE FROM log WHERE seq <= ?", (last,))
        failpoint("spool.after_remove")

    def discard(self) -> None:
        """Delete the file."""
        self.close()
        failpoint("spool.before_discard")
        for name in (self.path, *(self.path + rest for rest in RESTS)):
            with suppress(FileNotFoundError):
                os.unlink(name)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def leave_behind(self) -> object:
        """After a fork, in the child: return the parent's connection, never to be closed here."""
        connection, self._connection = self._connection, None
        return connection

    @contextmanager
    def _used(self) -> Generator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._connection = self._opened()
            yield self._connection
        except sqlite3.Error as error:
            raise _meaning(error, self.path) from error
        except OSError as error:
            raise unusable(Path(self.path), error) from error

    def _opened(self) -> sqlite3.Connection:
        if self._writer is None and not os.path.exists(self.path):
            raise StoreError(f"{self.path} is gone.")
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=1
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._full = False
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        [[version]] = connection.execute("PRAGMA user_version").fetchall()
        if version > FORMAT:
            raise StoreTooNew(f"{self.path} was written by a newer version of Legato.")
        if not is_network_path(Path(self.path).parent):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version == 0 and self._writer is not None:
            make(connection, self._writer)
            self.damaged, self._made = self._made, True  # somebody took the file away
            failpoint("spool.made")

    def _make_room(self, connection: sqlite3.Connection) -> int:
        dropped = 0
        while _size(connection) > self._max_bytes:
            lines = _drop_logs(connection)
            if not lines:
                raise StoreFull(
                    f"{self.path} has reached its bound of {self._max_bytes} bytes "
                    "(LEGATO_SPOOL_MAX_BYTES)."
                )
            dropped += lines
        return dropped


def make(connection: sqlite3.Connection, writer: Writer) -> None:
    """Make the tables of a new file, all at once."""
    script = f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT};"
    try:
        connection.executescript(script)
        connection.execute("INSERT INTO writer VALUES (?)", (msgspec.json.encode(writer),))
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def writer_of(connection: sqlite3.Connection) -> Writer:
    """Read whose records the file holds."""
    [[body]] = connection.execute("SELECT body FROM writer").fetchall()
    return msgspec.json.decode(body, type=Writer)


def filled(first: int, found: list[tuple[int, Record]], last: int | None) -> list[Record]:
    """Return records for all numbers from `first` up to `last`, or to the last of `found`."""
    records: list[Record] = []
    for seq, record in found:
        gap = seq - first - len(records)
        if gap + len(records) >= SPAN:
            return records + [_SKIPPED] * (SPAN - len(records))
        records += [_SKIPPED] * gap
        records.append(record)
    if last is not None:
        gap = last - first + 1 - len(records)
        records += [_SKIPPED] * min(gap, SPAN - len(records))
    return records


def is_corrupt(error: BaseException | None) -> bool:
    """Tell whether SQLite found that a file is no sound database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _meaning(error: sqlite3.Error, path: str) -> Exception:
    meaning = translate(error, path)
    if isinstance(meaning, StoreError):
        return meaning
    return StoreError(f"{path} cannot be used: {error}.")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _size(connection: sqlite3.Connection) -> int:
    """Return the bytes that are taken, without the pages that can be used again."""
    [[pages]] = connection.execute("PRAGMA page_count").fetchall()
    [[free]] = connection.execute("PRAGMA freelist_count").fetchall()
    [[size]] = connection.execute("PRAGMA page_size").fetchall()
    return (int(pages) - int(free)) * int(size)


def _drop_logs(connection: sqlite3.Connection) -> int:
    """Put one marker for each run in the place of the older half of the log lines."""
    [[lines]] = connection.execute("SELECT count(*) FROM log WHERE lines = 1").fetchall()
    if not lines:
        return 0
    [[cut]] = connection.execute(_CUT, ((lines - 1) // 2,)).fetchall()
    groups = connection.execute(_DROPPED, (cut,)).fetchall()
    markers = [_marker(connection, *group[:3]) for group in groups]
    connection.execute("DELETE FROM log WHERE seq <= ?", (cut,))
    connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", markers)
    return sum(group[3] for group in groups)


def _marker(
    connection: sqlite3.Connection, run: bytes, seq: int, lines: int
) -> tuple[int, bytes, bytes, int]:
    [[body]] = connection.execute("SELECT body FROM log WHERE seq = ?", (seq,)).fetchall()
    first = unpacked(body)
    assert isinstance(first, Logged)  # noqa: S101 - the table holds nothing else
    line = LogCreate(
        name=MARKER,
        level=30,
        message=f"{lines} log lines were dropped here: the spool had reached its bound.",
        timestamp=first.log.timestamp,
        flow_run_id=first.log.flow_run_id,
    )
    return seq, packed(Logged(line)), run, -lines


def _rows(first_seq: int, records: Sequence[Record]) -> tuple[Rows, Lines]:
    rows: Rows = []
    logs: Lines = []
    for seq, record in enumerate(records, first_seq):
        if type(record) is Logged:
            run = record.log.flow_run_id
            logs.append((seq, packed(record), run.bytes if run is not None else b"", 1))
        else:
            rows.append((seq, packed(record)))
    return rows, logs
