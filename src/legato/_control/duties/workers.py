"""Pools whose workers are not heard of any more are not ready."""

from __future__ import annotations

from datetime import datetime

from legato._control.workers import note
from legato._store import work_pools, workers
from legato._store.port import Lane, Store, Transaction


def watch(store: Store, now: datetime) -> None:
    """Look at all pools, and write something only if one has lost its workers."""
    if store.read(lambda tx: workers.list_left(tx, now)):
        store.run(lambda tx: _mark(tx, now), Lane.PRUNING)


def _mark(tx: Transaction, now: datetime) -> None:
    for name in workers.list_left(tx, now):
        work_pools.lock(tx, name)
        pool = work_pools.find(tx, name)
        # one may have come back until nobody else could lock the pool
        if pool is not None and name in workers.list_left(tx, now):
            note(tx, now, pool, ready=False)
