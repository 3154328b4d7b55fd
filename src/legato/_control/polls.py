"""What workers fetch: runs that are due. It is no claim; who proposes Pending first has the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from legato._control import work_queues as queue_operations
from legato._control.object_events import tell
from legato._control.work_pools import locked
from legato._control.work_pools import read as read_pool
from legato._model.flow_runs import FlowRun
from legato._model.operations.lists import bounds
from legato._model.operations.work_pools import ReadWorkPool
from legato._model.operations.work_queues import ReadWorkQueue, ReadWorkQueueOfPool
from legato._model.operations.workers import PollDeployments, PollWorkPool, PollWorkQueue
from legato._model.work_events import of_queue_status
from legato._model.work_pools import WorkPool, WorkStatus
from legato._model.work_queues import WorkQueue, status_of
from legato._model.workers import WorkerFlowRun
from legato._store import deployments, work_queues
from legato._store.port import Transaction
from legato._store.queries import due
from legato._store.queries.due import Span

NOTED_AFTER = timedelta(seconds=5)
"""That a queue or a deployment was polled is written again after so long: many may poll it."""


def poll(tx: Transaction, now: datetime, request: PollWorkPool) -> list[WorkerFlowRun]:
    """Return runs of a pool by the rank of their queues; raise ObjectNotFound."""
    count, _ = bounds(request.limit, 0)
    pool = read_pool(tx, now, ReadWorkPool(work_pool_name=request.work_pool_name))
    if request.work_queue_names:
        queues = [
            queue_operations.read_of_pool(
                tx, now, ReadWorkQueueOfPool(work_pool_name=pool.name, name=name)
            )
            for name in dict.fromkeys(request.work_queue_names)
        ]
        queues.sort(key=lambda queue: queue.priority)
    else:
        queues = work_queues.list_of_pool(tx, now, pool.id)
    span = Span(request.scheduled_after, request.scheduled_before)
    found = _fetched(tx, pool, queues, span, count)
    _note(tx, now, pool, queues)
    return [_placed(pool, queue_id, run) for queue_id, run in found]


def poll_queue(tx: Transaction, now: datetime, request: PollWorkQueue) -> list[FlowRun]:
    """Return runs of a queue; raise ObjectNotFound."""
    count, _ = bounds(request.limit, 0)
    queue = queue_operations.read(tx, now, ReadWorkQueue(work_queue_id=request.work_queue_id))
    pool = read_pool(tx, now, ReadWorkPool(work_pool_name=queue.work_pool_name))
    found = _fetched(tx, pool, [queue], Span(before=request.scheduled_before), count)
    _note(tx, now, pool, [queue])
    return [run for _, run in found]


def poll_deployments(tx: Transaction, now: datetime, request: PollDeployments) -> list[FlowRun]:
    """Return runs of deployments; what there is no deployment of has none."""
    count, _ = bounds(request.limit, 0)
    span = Span(before=request.scheduled_before)
    found = due.of_deployments(tx, request.deployment_ids, span, count)
    deployments.note_poll(tx, now, request.deployment_ids, now - NOTED_AFTER)
    return found


def _placed(pool: WorkPool, queue_id: UUID, run: FlowRun) -> WorkerFlowRun:
    return WorkerFlowRun(work_pool_id=pool.id, work_queue_id=queue_id, flow_run=run)


def _fetched(
    tx: Transaction, pool: WorkPool, queues: Sequence[WorkQueue], span: Span, count: int
) -> list[tuple[UUID, FlowRun]]:
    """Return runs, queue after queue, as many as pool and queues have slots for."""
    room = min(count, _slots(pool))
    if pool.is_paused or room <= 0:
        return []
    busy = due.queues(tx, pool.id, span)
    found: list[tuple[UUID, FlowRun]] = []
    for queue in queues:
        some = min(room - len(found), _slots(queue, count))
        if some > 0 and queue.id in busy and not queue.is_paused:
            found += [(queue.id, run) for run in due.of_queue(tx, queue.id, span, some)]
    return found


def _slots(place: WorkPool | WorkQueue, most: int = 1 << 31) -> int:
    """Return how many runs may begin at a place, as far as it has a limit."""
    limit = place.concurrency_limit
    return most if limit is None else min(most, limit - (place.active_slots or 0))


def _note(tx: Transaction, now: datetime, pool: WorkPool, queues: Sequence[WorkQueue]) -> None:
    """Write that queues were polled, if that is not known; tell of those that are ready now."""
    lately = now - NOTED_AFTER
    stale = [each for each in queues if each.last_polled is None or each.last_polled < lately]
    if not stale:
        return
    pool = locked(tx, pool.name)
    work_queues.note_poll(tx, now, [queue.id for queue in stale])
    ready = [queue for queue in stale if queue.status is WorkStatus.NOT_READY]
    for queue in ready:
        queue.last_polled = now
        queue.status = status_of(queue, now)
    if ready:
        tell(tx, now, [of_queue_status(queue, pool) for queue in ready])
