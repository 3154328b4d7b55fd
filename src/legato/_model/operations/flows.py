"""Operations on flows."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.filters import FlowFilter, FlowRunFilter, FlowSort, TaskRunFilter
from legato._model.flows import Flow, FlowCreate
from legato._model.operations.spec import Operation, Spec


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


class FilterFlows(Operation):
    """List flows."""

    spec: ClassVar = Spec(
        id="flows.filter",
        method="POST",
        path="/flows/filter",
        access="read",
        answer=list[Flow],
    )
    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    sort: FlowSort = FlowSort.NAME_ASC
    limit: int | None = None
    offset: int = 0


class CountFlows(Operation):
    """Count flows."""

    spec: ClassVar = Spec(
        id="flows.count", method="POST", path="/flows/count", access="read", answer=int
    )
    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None


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
