"""Pools whose workers are not heard of, and queues that nobody asks for runs, are not ready."""

from __future__ import annotations

from datetime import datetime

from legato._control.object_events import tell
from legato._control.workers import noted
from legato._model.object_events import Happened
from legato._model.work_events import of_queue_status
from legato._model.work_pools import WorkStatus
from legato._model.work_queues import POLLED_WITHIN
from legato._store import work_pools, work_queues, workers
from legato._store.port import Lane, Store, Transaction


def watch(store: Store, now: datetime) -> None:
    """Look at all pools and queues, and write something only if one is left alone."""
    if store.read(lambda tx: workers.list_left(tx, now)):
        store.run(lambda tx: _leave_pools(tx, now), Lane.PRUNING)
    if store.read(lambda tx: work_queues.list_left(tx, now - POLLED_WITHIN)):
        store.run(lambda tx: _leave_queues(tx, now), Lane.PRUNING)


def _leave_pools(tx: Transaction, now: datetime) -> None:
    happened: list[Happened] = []
    for name in workers.list_left(tx, now):
        work_pools.lock(tx, name)
        pool = work_pools.find(tx, name)
        # one may have come back until nobody else could lock the pool
        if pool is not None and name in workers.list_left(tx, now):
            happened += noted(tx, pool, ready=False)
    tell(tx, now, happened)


def _leave_queues(tx: Transaction, now: datetime) -> None:
    before = now - POLLED_WITHIN
    happened: list[Happened] = []
    for queue_id, name in work_queues.list_left(tx, before):
        work_pools.lock(tx, name)
        pool, queue = work_pools.find(tx, name), work_queues.find(tx, now, queue_id)
        gone = pool is None or queue is None or not work_queues.leave(tx, queue_id, before)
        if pool and queue and not gone and queue.status is WorkStatus.NOT_READY:
            happened.append(of_queue_status(queue, pool))
    tell(tx, now, happened)
