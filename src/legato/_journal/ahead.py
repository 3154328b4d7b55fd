"""Which records at the head of the buffer are safe already, though they are no rows yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import UUID

from legato._journal.tickets import Entry, Ticket
from legato._model.errors import StoreError
from legato._model.packing import packed_all
from legato._model.records import Ahead

if TYPE_CHECKING:
    from legato._model.records import Record

Keep = Callable[[Ahead], bool]

LIMIT = 256  # records that may be ahead of their batch
BYTES = 64 * 1024
"""What is longer is written once, with its batch."""


class Attempt(NamedTuple):
    """Who wants it to be safe: the attempt of a flow run whose step is finished."""

    writer_id: UUID
    flow_run_id: UUID
    epoch: int


class Vanguard:
    """Keeps records ahead of their batch, where `keep` is given; None: that is done by batches.

    `last` is the number of the last record that may stand in the database so, `_safe` that of the
    last one that does for sure.
    """

    def __init__(self) -> None:
        self.keep: Keep | None = None
        self.last = self._safe = 0

    def count(self, seq: int) -> int:
        """Return how many records behind number `seq` must keep their numbers."""
        return max(0, self.last - seq)

    def advance(self, seq: int, buffer: list[Entry], attempt: Attempt) -> bool:
        """Keep all of `buffer`, whose first record comes behind number `seq`; False: it was not."""
        keep = self.keep
        if keep is None:
            return False
        first = max(seq, self._safe) + 1
        entries = buffer[first - seq - 1 :]
        if not entries:  # sent plainly or kept for another run: `flush` syncs and fences
            return False
        last = first + len(entries) - 1
        if last - seq > LIMIT or Ticket in set(map(type, entries)):
            return False
        try:
            body = packed_all(cast("list[Record]", entries))
        except (TypeError, ValueError, OverflowError):  # it is found and put aside by its batch
            return False
        if len(body) > BYTES:
            return False
        return self._write(keep, Ahead(attempt[0], first, last, body, *attempt[1:]))

    def _write(self, keep: Keep, records: Ahead) -> bool:
        self.last = records.last_seq
        try:
            kept = keep(records)
        except (StoreError, OSError):  # what is to be done then, the batch knows
            return False
        if kept:
            self._safe = records.last_seq
        return kept
