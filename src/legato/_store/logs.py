"""Log lines: keyed by run, writer and sequence number, so that a gap can be seen."""

from __future__ import annotations

from typing import Any

from legato._model.logs import LogCreate
from legato._store import encode
from legato._store.decode import NO_FLOW_RUN
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

_MICROS_A_DAY = 86_400_000_000


class Logs:
    """Collects the log lines of a batch."""

    def __init__(self, tx: Transaction, writer_uid: Any) -> None:
        self._tx, self.writer_uid = tx, writer_uid
        self._rows: list[Any] = []

    def add(self, seq: int, log: LogCreate) -> None:
        """Add a line; raises on one that cannot be stored."""
        at, message = micros(log.timestamp), encode.text(log.message)
        task = self._tx.null if log.task_run_id is None else self._tx.uid(log.task_run_id)
        self._rows += (
            self._tx.uid(log.flow_run_id or NO_FLOW_RUN), self.writer_uid, seq, task,
            int(log.level), encode.text(log.name), message, at, at // _MICROS_A_DAY,
            DEFAULT_WORKSPACE, int(message is not log.message),
        )  # fmt: skip

    def flush(self) -> None:
        if self._rows:
            self._tx.bulk("log.create", self._rows)
            self._rows = []
