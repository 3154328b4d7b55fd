"""Operations on work queues: by the name of their pool, and by id as agents knew them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.errors import Conflict
from legato._model.filters import WorkQueueFilter
from legato._model.operations.spec import Operation, Spec
from legato._model.work_queues import (
    WorkQueue,
    WorkQueueCreate,
    WorkQueueHealth,
    WorkQueueUpdate,
)
from legato._model.work_slots import QueueSlotsPage


class CreateWorkQueue(Operation):
    """Create a work queue in a pool."""

    spec: ClassVar = Spec(
        id="work_queues.create",
        method="POST",
        path="/work_pools/{work_pool_name}/queues",
        access="write",
        answer=WorkQueue,
        status=201,
        body="work_queue",
        errors=(Conflict,),
    )
    work_pool_name: str
    work_queue: WorkQueueCreate


class ReadWorkQueueOfPool(Operation):
    """Read a work queue of a pool by its name."""

    spec: ClassVar = Spec(
        id="work_queues.read_of_pool",
        method="GET",
        path="/work_pools/{work_pool_name}/queues/{name}",
        access="read",
        answer=WorkQueue,
    )
    work_pool_name: str
    name: str


class FilterWorkQueuesOfPool(Operation):
    """List the work queues of a pool by their rank."""

    spec: ClassVar = Spec(
        id="work_queues.filter_of_pool",
        method="POST",
        path="/work_pools/{work_pool_name}/queues/filter",
        access="read",
        answer=list[WorkQueue],
    )
    work_pool_name: str
    work_queues: WorkQueueFilter | None = None
    limit: int | None = None
    offset: int = 0


class UpdateWorkQueueOfPool(Operation):
    """Change what is given of a work queue of a pool."""

    spec: ClassVar = Spec(
        id="work_queues.update_of_pool",
        method="PATCH",
        path="/work_pools/{work_pool_name}/queues/{name}",
        access="write",
        answer=None,
        status=204,
        body="work_queue",
        errors=(Conflict,),
    )
    work_pool_name: str
    name: str
    work_queue: WorkQueueUpdate


class DeleteWorkQueueOfPool(Operation):
    """Delete a work queue of a pool; deployments and runs stay."""

    spec: ClassVar = Spec(
        id="work_queues.delete_of_pool",
        method="DELETE",
        path="/work_pools/{work_pool_name}/queues/{name}",
        access="write",
        answer=None,
        status=204,
        errors=(Conflict,),
    )
    work_pool_name: str
    name: str


class CreateAgentQueue(Operation):
    """Create a work queue in the pool of queues that name none."""

    spec: ClassVar = Spec(
        id="work_queues.create_for_agents",
        method="POST",
        path="/work_queues/",
        access="write",
        answer=WorkQueue,
        status=201,
        body="work_queue",
        errors=(Conflict,),
    )
    work_queue: WorkQueueCreate


class ReadWorkQueue(Operation):
    """Read a work queue."""

    spec: ClassVar = Spec(
        id="work_queues.read",
        method="GET",
        path="/work_queues/{work_queue_id}",
        access="read",
        answer=WorkQueue,
    )
    work_queue_id: UUID


class ReadWorkQueueByName(Operation):
    """Read a work queue by its name, in the pool of queues that name none or else in any."""

    spec: ClassVar = Spec(
        id="work_queues.read_by_name",
        method="GET",
        path="/work_queues/name/{name}",
        access="read",
        answer=WorkQueue,
    )
    name: str


class ReadWorkQueueStatus(Operation):
    """Tell whether the runs of a work queue are fetched."""

    spec: ClassVar = Spec(
        id="work_queues.read_status",
        method="GET",
        path="/work_queues/{work_queue_id}/status",
        access="read",
        answer=WorkQueueHealth,
    )
    work_queue_id: UUID


class CountSlotsOfQueue(Operation):
    """Tell which runs have slots of a work queue."""

    spec: ClassVar = Spec(
        id="work_queues.count_slots",
        method="POST",
        path="/work_queues/{work_queue_id}/concurrency_status",
        access="read",
        answer=QueueSlotsPage,
    )
    work_queue_id: UUID
    page: int = 1
    limit: int | None = None


class FilterWorkQueues(Operation):
    """List the work queues of all pools by their names."""

    spec: ClassVar = Spec(
        id="work_queues.filter",
        method="POST",
        path="/work_queues/filter",
        access="read",
        answer=list[WorkQueue],
    )
    work_queues: WorkQueueFilter | None = None
    limit: int | None = None
    offset: int = 0


class UpdateWorkQueue(Operation):
    """Change what is given of a work queue."""

    spec: ClassVar = Spec(
        id="work_queues.update",
        method="PATCH",
        path="/work_queues/{work_queue_id}",
        access="write",
        answer=None,
        status=204,
        body="work_queue",
        errors=(Conflict,),
    )
    work_queue_id: UUID
    work_queue: WorkQueueUpdate


class DeleteWorkQueue(Operation):
    """Delete a work queue; deployments and runs stay."""

    spec: ClassVar = Spec(
        id="work_queues.delete",
        method="DELETE",
        path="/work_queues/{work_queue_id}",
        access="write",
        answer=None,
        status=204,
        errors=(Conflict,),
    )
    work_queue_id: UUID
