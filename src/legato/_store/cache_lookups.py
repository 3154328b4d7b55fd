"""What task runs found under their cache keys, and what it was made of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from legato._model.cache_lookups import CacheLookup, CacheMaker
from legato._store import decode, encode
from legato._store.dialect import MICROSECOND, micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at, when

EARLIER = 200
"""So many runs of the task a look-up is compared with."""
_parts = msgspec.json.Decoder(dict[str, str]).decode


class CacheLookups:
    """Collects the look-ups of a batch; of those of one run the last counts."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._rows: dict[int, tuple[Any, ...]] = {}
        self._again: list[UUID] = []

    def add(self, lookup: CacheLookup, *, again: bool) -> None:
        """Add a look-up; raises on one that cannot be stored. `again`: the run looked before."""
        tx, null, text, expiration = self._tx, self._tx.null, encode.text, lookup.expiration
        self._rows[lookup.task_run_id.int] = (
            tx.uid(lookup.task_run_id), text(lookup.step_name), micros(lookup.at),
            text(lookup.outcome),
            null if lookup.cache_key is None else text(lookup.cache_key),
            encode.bare(lookup.parts) if lookup.parts else null,
            null if lookup.problem is None else text(lookup.problem),
            null if expiration is None else expiration // MICROSECOND,
            null if lookup.result_id is None else tx.uid(lookup.result_id), DEFAULT_WORKSPACE,
        )  # fmt: skip
        if again:
            self._again.append(lookup.task_run_id)

    def flush(self) -> None:
        """Write the rows."""
        if not self._rows:
            return
        if self._again:
            self._tx.run("task_run_cache.delete_of_task_runs", {"ids": self._again})
            self._again = []
        rows: Iterable[tuple[Any, ...]] = self._rows.values()
        self._tx.bulk("task_run_cache.create", [value for row in rows for value in row])
        self._rows = {}


def find(tx: Transaction, task_run_id: UUID) -> CacheLookup | None:
    """Return what a task run found; None: it did not look."""
    rows = tx.rows("task_run_cache.read", {"task_run_id": task_run_id})
    return _lookup(rows[0]) if rows else None


def list_earlier(tx: Transaction, lookup: CacheLookup) -> list[CacheLookup]:
    """Return look-ups of the same task with keys, the latest first."""
    params = {**_before(lookup, EARLIER), "step_name": lookup.step_name}
    return [_lookup(row) for row in tx.rows("task_run_cache.list_of_task", params)]


def find_maker(tx: Transaction, lookup: CacheLookup) -> CacheMaker | None:
    """Return the last run before that was to make the result for the same key."""
    if lookup.cache_key is None:
        return None
    params = {**_before(lookup, 1), "cache_key": encode.text(lookup.cache_key)}
    for run_id, expiration, end in tx.rows("task_run_cache.find_maker", params):
        return CacheMaker(decode.uid(run_id), _span(expiration), when(end))
    return None


def _before(lookup: CacheLookup, limit: int) -> dict[str, Any]:
    return {
        "ws": DEFAULT_WORKSPACE,
        "at": lookup.at,
        "task_run_id": lookup.task_run_id,
        "limit": limit,
    }


def _lookup(row: decode.Row) -> CacheLookup:
    run_id, step_name, looked, outcome, key, parts, problem, expiration, result_id = row
    return CacheLookup(
        task_run_id=decode.uid(run_id),
        step_name=step_name,
        at=at(looked),
        outcome=outcome,
        cache_key=key,
        parts={} if parts is None else _parts(parts),
        problem=problem,
        expiration=_span(expiration),
        result_id=decode.maybe_uid(result_id),
    )


def _span(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else microseconds * MICROSECOND
