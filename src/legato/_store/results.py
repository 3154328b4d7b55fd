"""Results: bytes in the row, or where they lie."""

from __future__ import annotations

from operator import index
from typing import Any
from uuid import UUID

from legato._model.results import INLINE_LIMIT, Result
from legato._store import decode, encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction


class Results:
    """Collects the results of a batch."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._rows: list[Any] = []

    def add(self, result: Result) -> None:
        """Add a result; raises ValueError if its body does not belong into a row."""
        tx, null, body = self._tx, self._tx.null, result.body
        if body is not None and len(body) > INLINE_LIMIT:
            raise ValueError(f"A result of {len(body)} bytes does not belong into a row")
        self._rows += (
            tx.uid(result.id), null if result.flow_run_id is None else tx.uid(result.flow_run_id),
            encode.text(result.serializer), index(result.size), bytearray(result.sha256),
            null if body is None else bytearray(body),
            null if result.location is None else encode.text(result.location),
            micros(result.created_at),
            null if result.expires_at is None else micros(result.expires_at), DEFAULT_WORKSPACE,
        )  # fmt: skip

    def flush(self) -> None:
        if self._rows:
            self._tx.bulk("result.create", self._rows)
            self._rows = []


def find(tx: Transaction, result_id: UUID) -> Result | None:
    """Return a result, or None."""
    for row in tx.rows("result.read", {"id": result_id}):
        return decode.result(row)
    for row in tx.rows("task_run.read_result", {"id": result_id}):
        return decode.row_result(row)
    return None
