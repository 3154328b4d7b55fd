"""The async client's methods on work pools, their workers and work queues.

`sync_work_pools.py` is generated from this file by scripts/generate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Any

from legato._model import filters as f
from legato._model import work_pools, work_queues
from legato._model.errors import Conflict
from legato._model.operations import work_pools as pool_operations
from legato._model.operations import work_queues as queue_operations
from legato._model.operations import workers as worker_operations
from legato._sdk.client.objects import (
    FlowRun,
    Worker,
    WorkerFlowRunResponse,
    WorkPool,
    WorkPoolConcurrencyStatus,
    WorkQueue,
    WorkQueueConcurrencyStatus,
    WorkQueueStatusDetail,
)
from legato._sdk.client.requests import Id, present, uid
from legato._sdk.client.waiting import send
from legato._sdk.records import coerce


class WorkPoolsClient:
    """What clients can do with work pools, workers and work queues."""

    async def create_work_pool(
        self, work_pool: work_pools.WorkPoolCreate, overwrite: bool = False
    ) -> WorkPool:
        """Create a work pool; with `overwrite` one of that name is changed, but for its type.

        Raises Conflict for a name that is taken.
        """
        given = coerce(work_pool, work_pools.WorkPoolCreate)
        try:
            return WorkPool.wrap(await send(pool_operations.CreateWorkPool(work_pool=given)))
        except Conflict:
            if not overwrite:
                raise
        known = await self.read_work_pool(given.name)
        names = work_pools.WorkPoolUpdate.__struct_fields__
        changes = {name: getattr(given, name) for name in names}
        await self.update_work_pool(known.name, work_pools.WorkPoolUpdate(**changes))
        return await self.read_work_pool(known.name)

    async def read_work_pool(self, work_pool_name: str) -> WorkPool:
        """Return the work pool of a name; raise ObjectNotFound."""
        request = pool_operations.ReadWorkPool(work_pool_name=work_pool_name)
        return WorkPool.wrap(await send(request))

    async def read_work_pools(
        self,
        limit: int | None = None,
        offset: int = 0,
        work_pool_filter: f.WorkPoolFilter | None = None,
    ) -> list[WorkPool]:
        """List work pools by their names."""
        request = pool_operations.FilterWorkPools(
            work_pools=work_pool_filter, limit=limit, offset=offset
        )
        return [WorkPool.wrap(pool) for pool in await send(request)]

    async def update_work_pool(
        self, work_pool_name: str, work_pool: work_pools.WorkPoolUpdate
    ) -> None:
        """Change what is given of a work pool; raise ObjectNotFound."""
        given = coerce(work_pool, work_pools.WorkPoolUpdate)
        request = pool_operations.UpdateWorkPool(work_pool_name=work_pool_name, work_pool=given)
        await send(request)

    async def delete_work_pool(self, work_pool_name: str) -> None:
        """Delete a work pool with its queues; raise ObjectNotFound."""
        await send(pool_operations.DeleteWorkPool(work_pool_name=work_pool_name))

    async def send_worker_heartbeat(
        self,
        work_pool_name: str,
        worker_name: str,
        heartbeat_interval_seconds: float | None = None,
    ) -> None:
        """Tell that a worker of a pool is alive; raise ObjectNotFound if there is no such pool."""
        seconds = heartbeat_interval_seconds
        request = worker_operations.SendHeartbeat(
            work_pool_name=work_pool_name,
            name=worker_name,
            heartbeat_interval_seconds=None if seconds is None else ceil(seconds),
        )
        await send(request)

    async def read_workers_for_work_pool(
        self,
        work_pool_name: str,
        worker_filter: f.WorkerFilter | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> list[Worker]:
        """List the workers of a pool, first those that were heard of last; raise ObjectNotFound."""
        request = worker_operations.FilterWorkers(
            work_pool_name=work_pool_name, workers=worker_filter, limit=limit, offset=offset or 0
        )
        return [Worker.wrap(worker) for worker in await send(request)]

    async def get_scheduled_flow_runs_for_work_pool(
        self,
        work_pool_name: str,
        work_queue_names: list[str] | None = None,
        scheduled_before: datetime | None = None,
    ) -> list[WorkerFlowRunResponse]:
        """Return runs of a pool that are due, as far as there are slots; raise ObjectNotFound."""
        request = worker_operations.PollWorkPool(
            work_pool_name=work_pool_name,
            work_queue_names=work_queue_names,
            scheduled_before=scheduled_before,
        )
        return [WorkerFlowRunResponse.wrap(run) for run in await send(request)]

    async def get_runs_in_work_queue(
        self, id: Id, limit: int = 10, scheduled_before: datetime | None = None
    ) -> list[FlowRun]:
        """Return runs of a queue that are due, as far as there are slots; raise ObjectNotFound."""
        request = worker_operations.PollWorkQueue(
            work_queue_id=uid(id), limit=limit, scheduled_before=scheduled_before
        )
        return [FlowRun.wrap(run) for run in await send(request)]

    async def read_work_pool_concurrency_status(
        self,
        work_pool_name: str,
        page: int = 1,
        limit: int | None = None,
        flow_run_limit: int = 10,
    ) -> WorkPoolConcurrencyStatus:
        """Tell which runs have slots of a work pool, by its queues; raise ObjectNotFound."""
        request = pool_operations.CountSlotsOfPool(
            work_pool_name=work_pool_name, page=page, limit=limit, flow_run_limit=flow_run_limit
        )
        return WorkPoolConcurrencyStatus.wrap(await send(request))

    async def read_work_queue_concurrency_status(
        self, id: Id, page: int = 1, limit: int | None = None
    ) -> WorkQueueConcurrencyStatus:
        """Tell which runs have slots of a work queue; raise ObjectNotFound."""
        request = queue_operations.CountSlotsOfQueue(work_queue_id=uid(id), page=page, limit=limit)
        return WorkQueueConcurrencyStatus.wrap(await send(request))

    async def create_work_queue(
        self,
        name: str,
        description: str | None = None,
        is_paused: bool | None = None,
        concurrency_limit: int | None = None,
        priority: int | None = None,
        work_pool_name: str | None = None,
    ) -> WorkQueue:
        """Create a work queue in a pool, or in the one of queues that name none.

        Raises ObjectNotFound if there is no such pool, Conflict for a name that is taken.
        """
        given = present(locals(), of=work_queues.WorkQueueCreate)
        queue = coerce(given, work_queues.WorkQueueCreate)
        if work_pool_name is None:
            return WorkQueue.wrap(await send(queue_operations.CreateAgentQueue(work_queue=queue)))
        request = queue_operations.CreateWorkQueue(work_pool_name=work_pool_name, work_queue=queue)
        return WorkQueue.wrap(await send(request))

    async def read_work_queue(self, id: Id) -> WorkQueue:
        """Return a work queue; raise ObjectNotFound."""
        request = queue_operations.ReadWorkQueue(work_queue_id=uid(id))
        return WorkQueue.wrap(await send(request))

    async def read_work_queue_by_name(
        self, name: str, work_pool_name: str | None = None
    ) -> WorkQueue:
        """Return the work queue of a name, of a pool or of any; raise ObjectNotFound."""
        if work_pool_name is None:
            return WorkQueue.wrap(await send(queue_operations.ReadWorkQueueByName(name=name)))
        request = queue_operations.ReadWorkQueueOfPool(work_pool_name=work_pool_name, name=name)
        return WorkQueue.wrap(await send(request))

    async def read_work_queues(
        self,
        work_pool_name: str | None = None,
        work_queue_filter: f.WorkQueueFilter | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[WorkQueue]:
        """List the work queues of a pool by their rank, or of all pools by their names."""
        asked: Any
        if work_pool_name is None:
            asked = queue_operations.FilterWorkQueues()
        else:
            asked = queue_operations.FilterWorkQueuesOfPool(work_pool_name=work_pool_name)
        asked.work_queues, asked.limit, asked.offset = work_queue_filter, limit, offset or 0
        return [WorkQueue.wrap(queue) for queue in await send(asked)]

    async def match_work_queues(
        self, prefixes: Sequence[str], work_pool_name: str | None = None
    ) -> list[WorkQueue]:
        """List the work queues whose names begin so."""
        begin = f.WorkQueueFilter(name=f.QueueNameFilter(startswith_=list(prefixes)))
        return await self.read_work_queues(work_pool_name, begin)

    async def read_work_queue_status(self, id: Id) -> WorkQueueStatusDetail:
        """Tell whether the runs of a work queue are fetched; raise ObjectNotFound."""
        request = queue_operations.ReadWorkQueueStatus(work_queue_id=uid(id))
        return WorkQueueStatusDetail.wrap(await send(request))

    async def update_work_queue(self, id: Id, **kwargs: Any) -> None:
        """Change what is given of a work queue; raise ObjectNotFound or Conflict."""
        given = coerce(kwargs, work_queues.WorkQueueUpdate)
        await send(queue_operations.UpdateWorkQueue(work_queue_id=uid(id), work_queue=given))

    async def delete_work_queue_by_id(self, id: Id) -> None:
        """Delete a work queue; raise ObjectNotFound, or Conflict for a pool's default queue."""
        await send(queue_operations.DeleteWorkQueue(work_queue_id=uid(id)))
