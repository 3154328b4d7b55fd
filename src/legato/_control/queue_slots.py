"""Which runs have the slots of a work queue."""

from __future__ import annotations

from datetime import datetime

from legato._control.pages import bounded
from legato._control.work_queues import read as read_queue
from legato._model.operations.work_queues import CountSlotsOfQueue, ReadWorkQueue
from legato._model.work_slots import QueueSlotsPage
from legato._store.port import Transaction
from legato._store.queries import slot_holders
from legato._store.work_pools import slots_taken


def count_slots(tx: Transaction, now: datetime, request: CountSlotsOfQueue) -> QueueSlotsPage:
    """Return a page of the runs that have slots of a queue; raise ObjectNotFound."""
    limit, offset = bounded(request)
    queue = read_queue(tx, now, ReadWorkQueue(work_queue_id=request.work_queue_id))
    held = slot_holders.of_queues(tx, now, [queue.id], offset, limit)
    taken = slots_taken(tx, "work_queue_id", [queue.id]).get(queue.id, 0)
    return QueueSlotsPage(
        active_slots=taken,
        concurrency_limit=queue.concurrency_limit,
        flow_runs=held.get(queue.id, []),
        count=taken,
        limit=limit,
        pages=-(-taken // limit) if limit else 0,
        page=request.page,
    )
