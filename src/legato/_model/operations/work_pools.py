"""Operations on work pools."""

from __future__ import annotations

from typing import ClassVar

from legato._model.errors import Conflict, ReservedName
from legato._model.filters import WorkPoolFilter
from legato._model.operations.spec import Operation, Spec
from legato._model.work_pools import WorkPool, WorkPoolCreate, WorkPoolUpdate
from legato._model.work_slots import PoolSlotsPage


class CreateWorkPool(Operation):
    """Create a work pool, with a queue named `default`."""

    spec: ClassVar = Spec(
        id="work_pools.create",
        method="POST",
        path="/work_pools/",
        access="write",
        answer=WorkPool,
        status=201,
        body="work_pool",
        errors=(Conflict, ReservedName),
    )
    work_pool: WorkPoolCreate


class ReadWorkPool(Operation):
    """Read a work pool by its name."""

    spec: ClassVar = Spec(
        id="work_pools.read",
        method="GET",
        path="/work_pools/{work_pool_name}",
        access="read",
        answer=WorkPool,
    )
    work_pool_name: str


class FilterWorkPools(Operation):
    """List work pools by their names."""

    spec: ClassVar = Spec(
        id="work_pools.filter",
        method="POST",
        path="/work_pools/filter",
        access="read",
        answer=list[WorkPool],
    )
    work_pools: WorkPoolFilter | None = None
    limit: int | None = None
    offset: int = 0


class CountWorkPools(Operation):
    """Count work pools."""

    spec: ClassVar = Spec(
        id="work_pools.count",
        method="POST",
        path="/work_pools/count",
        access="read",
        answer=int,
    )
    work_pools: WorkPoolFilter | None = None


class CountSlotsOfPool(Operation):
    """Tell which runs have slots of a work pool, by its queues."""

    spec: ClassVar = Spec(
        id="work_pools.count_slots",
        method="POST",
        path="/work_pools/{work_pool_name}/concurrency_status",
        access="read",
        answer=PoolSlotsPage,
    )
    work_pool_name: str
    page: int = 1
    limit: int | None = None
    """Of queues."""
    flow_run_limit: int = 10
    """Of the runs of each queue."""


class UpdateWorkPool(Operation):
    """Change what is given of a work pool."""

    spec: ClassVar = Spec(
        id="work_pools.update",
        method="PATCH",
        path="/work_pools/{work_pool_name}",
        access="write",
        answer=None,
        status=204,
        body="work_pool",
        errors=(ReservedName,),
    )
    work_pool_name: str
    work_pool: WorkPoolUpdate


class DeleteWorkPool(Operation):
    """Delete a work pool with its queues and workers; deployments and runs stay."""

    spec: ClassVar = Spec(
        id="work_pools.delete",
        method="DELETE",
        path="/work_pools/{work_pool_name}",
        access="write",
        answer=None,
        status=204,
        errors=(ReservedName,),
    )
    work_pool_name: str
