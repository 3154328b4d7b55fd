"""The write-ahead log of a SQLite database: how long it is, and its way into the database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from legato._store.faults import failpoint

DUE_FRAMES = 2000
LONGEST_FRAMES = 2 * DUE_FRAMES
TRUNCATE_BYTES = 32 * 1024 * 1024
LOOK_EVERY = 16
"""Commits between two looks at the length; the writers of all processes look."""
ROOM_BYTES = 5 * 1024 * 1024
"""What the file is given where full commits are frequent: all that it holds until it is moved."""

_HEADER, _FRAME_HEADER = 32, 24
_ZEROS = bytes(16 * 1024)  # in one large write the page cache would take large pieces: slow later


class WriteAheadLog:
    """The log beside `database`; all is called under the kernel lock of the writers.

    To move it takes two syncs and tens of milliseconds. When that is `due` somebody may do it at
    leisure; at twice the length whoever commits does it on the spot. A short file is made
    longer at leisure, too: a commit into room that is there waits for its pages only, one at the
    end of the file also until its new length is on disk (docs/decisions/0015).
    """

    def __init__(self, database: Path) -> None:
        self.path = Path(f"{database}-wal")
        self.due = False
        self._commits = self._full = 0

    def after_commit(self, connection: sqlite3.Connection, *, full: bool) -> None:
        """Look, now and then, whether the log is long, or short where full commits wait for it."""
        self._commits += 1
        self._full += full
        if self._commits < LOOK_EVERY:
            return
        waits = self._full >= LOOK_EVERY // 2
        self._commits = self._full = 0
        self.due = (waits and self._is_short()) or holds(self.path, DUE_FRAMES)
        if self.due and holds(self.path, LONGEST_FRAMES):
            self._move(connection)

    def tend(self, connection: sqlite3.Connection) -> None:
        """Move the log into the database or make its file longer, if nobody was faster."""
        self.due = False
        if holds(self.path, DUE_FRAMES):
            self._move(connection)
        elif self._is_short():
            self._lengthen(connection)

    def _is_short(self) -> bool:
        try:
            return 0 < self.path.stat().st_size < ROOM_BYTES
        except OSError:  # there is none, as on a network file system
            return False

    def _lengthen(self, connection: sqlite3.Connection) -> None:
        """Put zeros behind the log; whoever reads it stops at the first that is no frame."""
        with suppress(sqlite3.Error, OSError):
            connection.execute("BEGIN IMMEDIATE")  # no program appends to the log meanwhile
            try:
                with self.path.open("r+b", buffering=0) as file:
                    end = file.seek(0, os.SEEK_END)
                    while end < ROOM_BYTES:
                        end += file.write(_ZEROS)
            finally:
                connection.execute("ROLLBACK")

    def _move(self, connection: sqlite3.Connection) -> None:
        """Checkpoint; a failure waits for the next look."""
        failpoint("checkpoint.before")
        self.due = False
        with suppress(sqlite3.Error, OSError):
            if self.path.stat().st_size <= TRUNCATE_BYTES:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            else:  # waits for readers, while all writers wait for us
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        failpoint("checkpoint.after")


def holds(path: Path, frames: int) -> bool:
    """Tell whether the log holds at least so many pages since it last began anew.

    A log that began anew overwrites its file from the start, so the size of the file says nothing.
    Frames of now bear the salt of the file's header (sqlite.org/fileformat2.html#walformat); those
    of earlier stand behind them and bear another.
    """
    try:
        with path.open("rb", buffering=0) as file:
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                return False
            salt, step = header[16:24], _FRAME_HEADER + int.from_bytes(header[8:12], "big")
            file.seek(_HEADER + (frames - 1) * step + 8)
            return file.read(8) == salt
    except OSError:
        return False
