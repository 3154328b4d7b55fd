"""Where the batches of an outage wait on disk; nothing of it is loaded before there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from legato._model.errors import StoreError
from legato._model.records import Batch, Record, Skipped

if TYPE_CHECKING:
    from legato._journal.outage import Outage
    from legato._store.spool import SpoolFile

Opener = Callable[[], "SpoolFile"]
RETRY_SECONDS = 1.0
PART = 500  # records that are put on disk at once as the process ends

_LEAKED: list[object] = []
"""Connections inherited by a fork: closing them here would be the parent's undoing."""


class Spool:
    """The file of this writer, which `open_file` gives; None: there is none to be had.

    Only the thread that holds the journal's turn works here, but for `keep_rest`.
    """

    def __init__(
        self, open_file: Opener | None, outage: Outage, monotonic: Callable[[], float]
    ) -> None:
        self.error: StoreError | None = None
        self._open_file = open_file
        self._outage = outage
        self._monotonic = monotonic
        self._retry_at = 0.0
        self._file: SpoolFile | None = None
        self._ends = False

    @property
    def usable(self) -> bool:
        """Tell whether it takes records, as far as is known."""
        return self._open_file is not None and self.error is None

    @property
    def path(self) -> str | None:
        """The file, once there is one."""
        return self._file.path if self._file is not None else None

    def keep(self, batch: Batch) -> bool:
        """Put a batch on disk; False: it could not be.

        Raises whatever a record that cannot be encoded raises.
        """
        if self._open_file is None or (self.error and self._monotonic() < self._retry_at):
            return False
        try:
            if self._file is None:
                self._file = self._open_file()
            lines = self._file.put(batch.first_seq, batch.records, batch.acked)
        except (StoreError, OSError) as error:
            self.error = error if isinstance(error, StoreError) else StoreError(str(error))
            self._retry_at = self._monotonic() + RETRY_SECONDS
            return False
        self.error = None
        self._outage.lose_logs(lines)
        return True

    def harden(self) -> bool:
        """Have what is kept survive a power cut; False: it could not be."""
        if self._file is None:
            return False
        try:
            self._file.harden()
        except (StoreError, OSError) as error:
            self.error = error if isinstance(error, StoreError) else StoreError(str(error))
            return False
        return True

    def keep_rest(self, first: int, records: list[Record]) -> str:
        """Put on disk what is left in memory, as the process ends now; return the file.

        For a thread without the turn, so over a connection of its own; who has the turn removes
        nothing from now on. Raises StoreError.
        """
        self._ends = True
        if self._open_file is None:
            raise StoreError("There is no spool.")
        file = self._open_file()
        try:
            for start in range(0, len(records), PART):
                part, last = records[start : start + PART], start + PART >= len(records)
                self._outage.lose_logs(_put(file, first + start, part, last))
        finally:
            file.close()
        return file.path

    def head(self, first: int, last: int) -> list[Record]:
        """Return the oldest records, numbered from `first` on; `last` is the newest number."""
        if self._file is None:
            raise StoreError("The spool is gone.")
        damaged = self._file.damaged
        records = self._file.head(first, last)
        if self._file.damaged:
            self._outage.lost_facts += sum(type(record) is Skipped for record in records)
            if not damaged:
                self._outage.say(f"the spool {self._file.path} was damaged: records are lost.")
        return records

    def remove(self, last: int, all_of_it: bool) -> None:
        """Forget what is stored: up to number `last`, or the whole file."""
        file = self._file
        if file is None or self._ends:
            return
        try:
            if all_of_it:
                file.discard()
                self._file = None
            else:
                file.remove(last)
        except (StoreError, OSError) as error:  # no harm: who delivers it again is not heard
            self._outage.say(f"the spool {file.path} could not be emptied: {error}")

    def close(self) -> None:
        """Close the file, as before a fork; the next use opens it again."""
        if self._file is not None:
            self._file.close()

    def leave_behind(self) -> None:
        """After a fork, in the child: the file is the parent's."""
        if self._file is not None:
            _LEAKED.append(self._file.leave_behind())


def _put(file: SpoolFile, first: int, records: list[Record], acked: bool) -> int:
    """Put records on disk without those that cannot be encoded; return how many lines it cost."""
    try:
        return file.put(first, records, acked)
    except (StoreError, OSError):
        raise
    except Exception:  # noqa: BLE001 - one bad record must not take the rest along
        if len(records) == 1:
            return file.put(first, [Skipped()], acked)
        half = len(records) // 2
        lines = _put(file, first, records[:half], False)
        return lines + _put(file, first + half, records[half:], acked)
