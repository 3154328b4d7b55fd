"""Which runs have the slots of a work pool, queue by queue."""

from __future__ import annotations

from datetime import datetime

from legato._control.pages import bounded
from legato._control.work_pools import read as read_pool
from legato._model.errors import InvalidRequest
from legato._model.operations.spec import LIMIT
from legato._model.operations.work_pools import CountSlotsOfPool, ReadWorkPool
from legato._model.work_slots import PoolSlotsPage, QueueSlots
from legato._store import work_queues
from legato._store.port import Transaction
from legato._store.queries import slot_holders
from legato._store.work_pools import slots_taken


def count_slots(tx: Transaction, now: datetime, request: CountSlotsOfPool) -> PoolSlotsPage:
    """Return a page of the queues of a pool; raise ObjectNotFound."""
    limit, offset = bounded(request)
    most = request.flow_run_limit
    if not 0 <= most <= LIMIT:
        raise InvalidRequest(f"flow_run_limit: Between 0 and {LIMIT}, not {most}.")
    pool = read_pool(tx, now, ReadWorkPool(work_pool_name=request.work_pool_name))
    every = work_queues.list_of_pool(tx, now, pool.id)
    some = every[offset : offset + limit]
    ids = [queue.id for queue in some]
    taken = slots_taken(tx, "work_queue_id", ids)
    held = slot_holders.of_queues(tx, now, ids, 0, most)
    queues = [
        QueueSlots(
            queue_id=queue.id,
            queue_name=queue.name,
            active_slots=taken.get(queue.id, 0),
            concurrency_limit=queue.concurrency_limit,
            flow_runs=held.get(queue.id, []),
            flow_run_count=taken.get(queue.id, 0),
        )
        for queue in some
    ]
    return PoolSlotsPage(
        active_slots=slots_taken(tx, "work_pool_id", [pool.id]).get(pool.id, 0),
        concurrency_limit=pool.concurrency_limit,
        queues=queues,
        count=len(every),
        limit=limit,
        pages=-(-len(every) // limit) if limit else 0,
        page=request.page,
    )
