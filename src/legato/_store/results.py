"""Results: bytes in the row, or where they lie."""

from __future__ import annotations

from datetime import datetime
from operator import index
from typing import Any
from uuid import UUID

from legato._model.records import ResultCached
from legato._model.results import INLINE_LIMIT, Result
from legato._store import decode, encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction


class Results:
    """Collects the results of a batch."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._rows: list[Any] = []
        self._cached: dict[str, ResultCached] = {}

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

    def cache(self, record: ResultCached) -> None:
        """Have a result stand for a cache key; the last one counts."""
        self._cached[encode.text(record.cache_key)] = record

    def flush(self) -> None:
        for key, record in sorted(self._cached.items()):
            self._enter(key, record)
        self._cached = {}
        if self._rows:
            self._tx.bulk("result.create", self._rows)
            self._rows = []

    def _enter(self, key: str, record: ResultCached) -> None:
        tx, expires = self._tx, record.expires_at
        tx.run("cache_entry.drop", {"ws": DEFAULT_WORKSPACE, "cache_key": key})
        row = (
            tx.uid(record.result_id), DEFAULT_WORKSPACE, key, tx.uid(record.result_id),
            micros(record.created_at), tx.null if expires is None else micros(expires),
        )  # fmt: skip
        tx.bulk("cache_entry.create", list(row))


def find_cached(tx: Transaction, now: datetime, cache_key: str) -> Result | None:
    """Return the result that stands for a cache key and has not expired."""
    params = {"ws": DEFAULT_WORKSPACE, "cache_key": encode.text(cache_key), "now": micros(now)}
    rows = tx.rows("cache_entry.find", params)
    return decode.result(rows[0]) if rows else None


def find(tx: Transaction, result_id: UUID) -> Result | None:
    """Return a result, or None."""
    for row in tx.rows("result.read", {"id": result_id}):
        return decode.result(row)
    for row in tx.rows("task_run.read_result", {"id": result_id}):
        return decode.row_result(row)
    return None
