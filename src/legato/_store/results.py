"""Results: bytes in the row, or where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import index
from typing import Any, NamedTuple
from uuid import UUID

from legato._model.records import ResultCached
from legato._model.results import SERVED_LIMIT, Result
from legato._store import decode, encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

GRACE = timedelta(minutes=10)
"""So long a result stays that nothing stands for any more: who has just found it will name it."""


class Results:
    """Collects the results of a batch."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._rows: list[Any] = []
        self._cached: dict[str, ResultCached] = {}

    def add(self, result: Result) -> None:
        """Add a result; raises ValueError if its body does not belong into a row."""
        tx, null, body = self._tx, self._tx.null, result.body
        if body is not None and len(body) > SERVED_LIMIT:
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
        entry = {"ws": DEFAULT_WORKSPACE, "cache_key": key}
        tx.run("cache_entry.condemn", {**entry, "at": record.created_at + GRACE})
        tx.run("cache_entry.drop", entry)
        row = (
            tx.uid(record.result_id), DEFAULT_WORKSPACE, key, tx.uid(record.result_id),
            micros(record.created_at), tx.null if expires is None else micros(expires),
        )  # fmt: skip
        tx.bulk("cache_entry.create", list(row))


def find_cached(tx: Transaction, now: datetime, cache_key: str) -> Result | None:
    """Return the result that stands for a cache key, with the time until which it does."""
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


class Condemned(NamedTuple):
    """A result that is to go unless something names it."""

    id: UUID
    location: str | None
    named: bool


def drop_expired(tx: Transaction, now: datetime, limit: int) -> int:
    """Remove cache entries that have expired, and condemn their results; return how many."""
    params = {"before": now - GRACE, "limit": limit}
    rows = tx.rows("cache_entry.list_expired", params)
    if rows:
        tx.run("result.condemn", {"ids": sorted(decode.uid(row[1]) for row in rows)})
        tx.run("cache_entry.delete", {"ids": sorted(decode.uid(row[0]) for row in rows)})
    return len(rows)


def list_condemned(tx: Transaction, now: datetime, limit: int) -> list[Condemned]:
    """Return results that are to go by now."""
    rows = tx.rows("result.list_condemned", {"now": now, "limit": limit})
    return [Condemned(decode.uid(id_), location, bool(named)) for id_, location, named in rows]


def condemn_of_flow_runs(tx: Transaction, flow_run_ids: Sequence[UUID]) -> None:
    """Condemn what goes with flow runs, but for what lies in rows of theirs."""
    tx.run("cache_entry.delete_of_flow_runs", {"ids": flow_run_ids})
    for name in ("found_by", "of"):
        tx.run(f"result.condemn_{name}_flow_runs", {"ids": flow_run_ids})


def condemn_of_task_runs(tx: Transaction, task_run_ids: Sequence[UUID]) -> None:
    """Condemn what goes with task runs: what they made outside of flows, what they shared."""
    for name in ("found_by", "of"):
        tx.run(f"result.condemn_{name}_task_runs", {"ids": task_run_ids})


def spare(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Let results stay: something names them."""
    if ids:
        tx.run("result.spare", {"ids": ids})


def delete(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Remove results, not their objects."""
    if ids:
        tx.run("result_part.delete", {"ids": ids})
        tx.run("result.delete", {"ids": ids})


def put_part(tx: Transaction, now: datetime, of: tuple[UUID, UUID, int], body: bytes) -> None:
    """Store a part of (result, upload, number), unless it is there."""
    result_id, upload_id, number = of
    row = (
        tx.uid(result_id), tx.uid(upload_id), number, DEFAULT_WORKSPACE, bytearray(body),
        micros(now),
    )  # fmt: skip
    tx.bulk("result_part.create", list(row))


def read_part(tx: Transaction, of: tuple[UUID, UUID, int]) -> bytes | None:
    """Return a part of (result, upload, number)."""
    names = ("result_id", "upload_id", "number")
    rows = tx.rows("result_part.read", dict(zip(names, of, strict=True)))
    return bytes(rows[0][0]) if rows else None


def drop_parts(tx: Transaction, before: datetime, limit: int) -> int:
    """Remove parts of results that have never been recorded; return of how many uploads."""
    rows = tx.rows("result_part.list_left", {"before": before, "limit": limit})
    if rows:
        tx.run("result_part.delete", {"ids": sorted({decode.uid(row[0]) for row in rows})})
    return len(rows)
