"""Operations on flows."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.filters import FlowFilter, FlowSort
from legato._model.flows import Flow, FlowCreate, FlowUpdate
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import BULK_LIMIT, Deleted, Operation, Spec


class CreateFlow(Operation):
    """Create a flow, or return the one of that name."""

    spec: ClassVar = Spec(
        id="flows.create",
        method="POST",
        path="/flows/",
        access="write",
        answer=Flow,
        status=201,
        body="flow",
    )
    flow: FlowCreate


class ReadFlow(Operation):
    """Read a flow."""

    spec: ClassVar = Spec(
        id="flows.read", method="GET", path="/flows/{flow_id}", access="read", answer=Flow
    )
    flow_id: UUID


class ReadFlowByName(Operation):
    """Read a flow by its name."""

    spec: ClassVar = Spec(
        id="flows.read_by_name",
        method="GET",
        path="/flows/name/{name}",
        access="read",
        answer=Flow,
    )
    name: str


class FilterFlows(OfRuns):
    """List flows."""

    spec: ClassVar = Spec(
        id="flows.filter",
        method="POST",
        path="/flows/filter",
        access="read",
        answer=list[Flow],
    )
    sort: FlowSort = FlowSort.NAME_ASC
    limit: int | None = None
    offset: int = 0


class CountFlows(OfRuns):
    """Count flows."""

    spec: ClassVar = Spec(
        id="flows.count", method="POST", path="/flows/count", access="read", answer=int
    )


class FlowPage(Struct, kw_only=True):
    """A page of flows, counted from 1, and how many there are of both."""

    results: list[Flow]
    count: int
    limit: int
    pages: int
    page: int


class PaginateFlows(OfRuns):
    """Read a page of flows."""

    spec: ClassVar = Spec(
        id="flows.paginate", method="POST", path="/flows/paginate", access="read", answer=FlowPage
    )
    sort: FlowSort = FlowSort.NAME_ASC
    limit: int | None = None
    page: int = 1


class UpdateFlow(Operation):
    """Change a flow's tags."""

    spec: ClassVar = Spec(
        id="flows.update",
        method="PATCH",
        path="/flows/{flow_id}",
        access="write",
        answer=None,
        status=204,
        body="flow",
    )
    flow_id: UUID
    flow: FlowUpdate


class BulkDeleteFlows(Operation):
    """Delete the first flows that a filter finds, with their runs."""

    spec: ClassVar = Spec(
        id="flows.bulk_delete",
        method="POST",
        path="/flows/bulk_delete",
        access="write",
        answer=Deleted,
    )
    flows: FlowFilter | None = None
    limit: int = BULK_LIMIT


class DeleteFlow(Operation):
    """Delete a flow with its runs."""

    spec: ClassVar = Spec(
        id="flows.delete",
        method="DELETE",
        path="/flows/{flow_id}",
        access="write",
        answer=None,
        status=204,
    )
    flow_id: UUID
