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

_LEAKED: list[object] = []
"""Connections inherited by a fork: closing them here would be the parent's undoing."""


class Spool:
    """The file of this writer, which `open_file` gives; None: there is none to be had.

    Only the thread that holds the journal's turn works here.
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
        if file is None:
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
