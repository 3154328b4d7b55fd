"""Operations on flows."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET

from legato._control import pages
from legato._control.object_events import tell
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.flows import Flow
from legato._model.naming import fault_of_name
from legato._model.object_events import of_deployment, of_flow
from legato._model.operations.flows import (
    BulkDeleteFlows,
    CountFlows,
    CreateFlow,
    DeleteFlow,
    FilterFlows,
    FlowPage,
    PaginateFlows,
    ReadFlow,
    ReadFlowByName,
    UpdateFlow,
)
from legato._model.operations.spec import Deleted
from legato._store import deployments, finding, flows, trees
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateFlow) -> Flow:
    """Create a flow, or return the one of that name."""
    given = request.flow
    if fault := fault_of_name("flow", given.name):
        raise InvalidRequest(f"name: {fault}")
    flow_id, new = flows.find_or_create(tx, now, given.name, given.id, given.tags, given.labels)
    found = read(tx, now, ReadFlow(flow_id=flow_id))
    if new:
        tell(tx, now, [of_flow("created", found)])
    return found


def read(tx: Transaction, now: datetime, request: ReadFlow) -> Flow:
    """Return a flow; raise ObjectNotFound."""
    found = finding.find_flow(tx, request.flow_id)
    if found is None:
        raise ObjectNotFound(f"There is no flow {request.flow_id}.")
    return found


def read_by_name(tx: Transaction, now: datetime, request: ReadFlowByName) -> Flow:
    """Return the flow of a name; raise ObjectNotFound."""
    found = finding.find_flow_by_name(tx, request.name)
    if found is None:
        raise ObjectNotFound(f"There is no flow named {request.name!r}.")
    return found


def filter(tx: Transaction, now: datetime, request: FilterFlows) -> list[Flow]:  # noqa: A001
    """List flows."""
    from legato._store.queries import lists

    return lists.flows(tx, request)


def count(tx: Transaction, now: datetime, request: CountFlows) -> int:
    """Count flows."""
    from legato._store.queries import lists

    return lists.count(tx, "flows", request)


def paginate(tx: Transaction, now: datetime, request: PaginateFlows) -> FlowPage:
    """Return a page of flows."""
    from legato._store.queries import lists

    return pages.page(
        request,
        FilterFlows,
        lambda asked: lists.flows(tx, asked),
        lambda: lists.count(tx, "flows", request),
        FlowPage,
    )


def update(tx: Transaction, now: datetime, request: UpdateFlow) -> None:
    """Change what is given of a flow; raise ObjectNotFound."""
    found = read(tx, now, ReadFlow(flow_id=request.flow_id))
    if request.flow.tags is not UNSET:
        flows.retag(tx, now, request.flow_id, request.flow.tags)
        found.tags = request.flow.tags
    tell(tx, now, [of_flow("updated", found)])


def bulk_delete(tx: Transaction, now: datetime, request: BulkDeleteFlows) -> Deleted:
    """Delete the first flows that a filter finds, with their runs."""
    limit = pages.bulk(request.limit)
    found = filter(tx, now, FilterFlows(flows=request.flows, limit=limit))
    for flow in found:
        delete(tx, now, DeleteFlow(flow_id=flow.id))
    return Deleted(deleted=[flow.id for flow in found])


def delete(tx: Transaction, now: datetime, request: DeleteFlow) -> None:
    """Delete a flow with its runs; raise ObjectNotFound."""
    found = read(tx, now, ReadFlow(flow_id=request.flow_id))
    for run_id in flows.list_runs(tx, request.flow_id):
        trees.delete(tx, run_id)
    for deployed in deployments.list_of_flow(tx, now, request.flow_id):
        deployments.delete(tx, deployed.id)
        tell(tx, now, [of_deployment("deleted", deployed)])
    flows.delete(tx, request.flow_id)
    tell(tx, now, [of_flow("deleted", found)])
