"""Log lines: keyed by run, writer and sequence number, so that a gap can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from legato._model.logs import Log, LogCreate
from legato._store import decode, encode
from legato._store.decode import NO_FLOW_RUN
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

_MICROS_A_DAY = 86_400_000_000


class Logs:
    """Collects the log lines of a batch."""

    def __init__(self, tx: Transaction, writer_uid: Any) -> None:
        self._tx, self.writer_uid = tx, writer_uid
        self._rows: list[Any] = []
        self._arrivals: dict[tuple[int, int], _Arrival] = {}

    def add(self, seq: int, log: LogCreate) -> None:
        """Add a line; raises on one that cannot be stored."""
        at, message = micros(log.timestamp), encode.text(log.message)
        owner = log.flow_run_id or NO_FLOW_RUN
        task = self._tx.null if log.task_run_id is None else self._tx.uid(log.task_run_id)
        self._rows += (
            self._tx.uid(owner), self.writer_uid, seq, task,
            int(log.level), encode.text(log.name), message, at, at // _MICROS_A_DAY,
            DEFAULT_WORKSPACE, int(message is not log.message),
        )  # fmt: skip
        key = owner.int, id(self.writer_uid)
        arrival = self._arrivals.get(key)
        if arrival is None:
            self._arrivals[key] = _Arrival(self.writer_uid, at, seq, len(message))
        else:
            arrival.last, arrival.size = seq, arrival.size + len(message)

    @property
    def places(self) -> int:
        """How many positions of the ordered log the lines take."""
        return 1 if self._rows else 0

    def flush(self, places: Sequence[int]) -> None:
        """Write the lines, and that they stand at these positions."""
        if not self._rows:
            return
        (position,) = places
        arrivals: list[Any] = []
        for (owner, _), found in self._arrivals.items():
            arrivals += (
                position, self._tx.uid(UUID(int=owner)), found.writer_uid, DEFAULT_WORKSPACE,
                found.at // _MICROS_A_DAY, found.first, found.last, found.size,
            )  # fmt: skip
        self._tx.bulk("log.create", self._rows)
        self._tx.bulk("log_arrival.create", arrivals)
        self._rows, self._arrivals = [], {}


def arrivals(tx: Transaction, after: int, upto: int, limit: int) -> list[tuple[int, int]]:
    """Return behind a position, and up to another, where lines came and how long they are."""
    params = {"after": after, "upto": upto, "limit": limit}
    return [(row[0], row[1]) for row in tx.rows("log_arrival.list_between", params)]


def arrived(tx: Transaction, after: int, upto: int) -> list[tuple[int, Log]]:
    """Return the lines that came there, with their positions."""
    rows = tx.rows("log.list_arrived", {"after": after, "upto": upto})
    return [(row[0], decode.log(row[1:])) for row in rows]


class _Arrival:
    """Lines of one run and one writer that come together; the numbers of the first and the last."""

    __slots__ = ("at", "first", "last", "size", "writer_uid")

    def __init__(self, writer_uid: Any, at: int, seq: int, size: int) -> None:
        self.writer_uid, self.at = writer_uid, at
        self.first = self.last = seq
        self.size = size
