"""Records that could not be taken, kept with the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from legato._store import encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

_KEPT = 64 * 1024


class Quarantine:
    """Collects the bad records of a batch."""

    def __init__(self, tx: Transaction, writer_uid: Any, now: datetime) -> None:
        self._tx, self.writer_uid, self._now = tx, writer_uid, micros(now)
        self._rows: list[Any] = []
        self.count = 0

    def add(self, seq: int, record: object, flow_run_id: UUID | None, reason: object) -> None:
        """Keep a record as JSON, or as far as it can be shown."""
        null = self._tx.null
        self.count += 1
        self._rows += (
            self.writer_uid, seq, DEFAULT_WORKSPACE,
            null if flow_run_id is None else self._tx.uid(flow_run_id),
            type(record).__name__, encode.text(str(reason)[:2000]), _shown(record), self._now,
        )  # fmt: skip

    def flush(self) -> None:
        if self._rows:
            self._tx.bulk("quarantine.create", self._rows)
            self._rows = []


def count(tx: Transaction, writer_id: UUID, first: int, last: int) -> int:
    """Return how many of a writer's records from `first` to `last` are in quarantine."""
    params = {"writer_id": writer_id, "first": first, "last": last}
    found: int = tx.rows("quarantine.count", params)[0][0]
    return found


def _shown(record: object) -> str:
    try:
        shown = msgspec.json.encode(record, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError):
        shown = repr(record)
    return encode.text(shown[:_KEPT])
