"""Operations on workers: by the name of their pool."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from legato._model.filters import WorkerFilter
from legato._model.flow_runs import FlowRun
from legato._model.operations.spec import Operation, Spec
from legato._model.workers import Worker, WorkerFlowRun


class SendHeartbeat(Operation):
    """Tell that a worker of a pool is alive; one that is not known yet is added."""

    spec: ClassVar = Spec(
        id="workers.heartbeat",
        method="POST",
        path="/work_pools/{work_pool_name}/workers/heartbeat",
        access="write",
        answer=None,
        status=204,
        repeatable=True,
    )
    work_pool_name: str
    name: str
    heartbeat_interval_seconds: int | None = None


class FilterWorkers(Operation):
    """List the workers of a pool, first those that were heard of last."""

    spec: ClassVar = Spec(
        id="workers.filter",
        method="POST",
        path="/work_pools/{work_pool_name}/workers/filter",
        access="read",
        answer=list[Worker],
    )
    work_pool_name: str
    workers: WorkerFilter | None = None
    limit: int | None = None
    offset: int = 0


class DeleteWorker(Operation):
    """Delete a worker of a pool; one that is alive comes back with its next heartbeat."""

    spec: ClassVar = Spec(
        id="workers.delete",
        method="DELETE",
        path="/work_pools/{work_pool_name}/workers/{name}",
        access="write",
        answer=None,
        status=204,
    )
    work_pool_name: str
    name: str


class PollWorkPool(Operation):
    """Fetch runs of a pool that are due, as far as there are slots, in their order."""

    spec: ClassVar = Spec(
        id="workers.poll",
        method="POST",
        path="/work_pools/{work_pool_name}/get_scheduled_flow_runs",
        access="write",
        answer=list[WorkerFlowRun],
        repeatable=True,
    )
    work_pool_name: str
    work_queue_names: list[str] | None = None
    scheduled_before: datetime | None = None
    scheduled_after: datetime | None = None
    limit: int | None = None


class PollWorkQueue(Operation):
    """Fetch runs of a queue that are due, as far as there are slots, in their order."""

    spec: ClassVar = Spec(
        id="workers.poll_queue",
        method="POST",
        path="/work_queues/{work_queue_id}/get_runs",
        access="write",
        answer=list[FlowRun],
        repeatable=True,
    )
    work_queue_id: UUID
    scheduled_before: datetime | None = None
    limit: int | None = None


class PollDeployments(Operation):
    """Fetch runs of deployments that are due, in their order, whatever pools they lie in."""

    spec: ClassVar = Spec(
        id="workers.poll_deployments",
        method="POST",
        path="/deployments/get_scheduled_flow_runs",
        access="write",
        answer=list[FlowRun],
        repeatable=True,
    )
    deployment_ids: list[UUID]
    scheduled_before: datetime | None = None
    limit: int | None = None
