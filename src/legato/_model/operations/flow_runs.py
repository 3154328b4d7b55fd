"""Operations on flow runs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from legato._model.errors import Conflict, ObjectNotFound
from legato._model.filters import FlowRunFilter, FlowRunSort
from legato._model.flow_runs import FlowRun, FlowRunDraft, FlowRunUpdate
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import BULK_LIMIT, Deleted, Operation, Spec
from legato._model.states import State, StateDetails, StateType


class StateCreate(Struct, kw_only=True, omit_defaults=True):
    """A state to propose; the receiver stamps id and time."""

    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: StateDetails | None = None


class FlowRunRequest(FlowRunDraft, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A flow run that is asked for; without a state it begins Pending."""

    state: StateCreate | None = None
    infrastructure_document_id: UUID | None = None


class OrchestrationResult(Struct, kw_only=True):
    """The answer to a proposed state, and the state that the run is in now."""

    state: State | None
    status: Literal["ACCEPT", "REJECT", "WAIT", "ABORT"]
    details: dict[str, Any]


class CreateFlowRun(Operation):
    """Create a flow run, or return the one with that idempotency key."""

    spec: ClassVar = Spec(
        id="flow_runs.create",
        method="POST",
        path="/flow_runs/",
        access="write",
        answer=FlowRun,
        status=201,
        body="flow_run",
        errors=(ObjectNotFound, Conflict),
    )
    flow_run: FlowRunRequest


class ReadFlowRun(Operation):
    """Read a flow run."""

    spec: ClassVar = Spec(
        id="flow_runs.read",
        method="GET",
        path="/flow_runs/{flow_run_id}",
        access="read",
        answer=FlowRun,
    )
    flow_run_id: UUID


class FilterFlowRuns(OfRuns):
    """List flow runs."""

    spec: ClassVar = Spec(
        id="flow_runs.filter",
        method="POST",
        path="/flow_runs/filter",
        access="read",
        answer=list[FlowRun],
        errors=(ObjectNotFound,),
    )
    sort: FlowRunSort = FlowRunSort.ID_DESC
    limit: int | None = None
    offset: int = 0
    after: UUID | None = None
    """The run that the page before ended with: cheaper than an offset, and nothing is skipped."""


class CountFlowRuns(OfRuns):
    """Count flow runs."""

    spec: ClassVar = Spec(
        id="flow_runs.count",
        method="POST",
        path="/flow_runs/count",
        access="read",
        answer=int,
    )


class FlowRunPage(Struct, kw_only=True):
    """A page of flow runs, counted from 1, and how many there are of both."""

    results: list[FlowRun]
    count: int
    limit: int
    pages: int
    page: int


class PaginateFlowRuns(OfRuns):
    """Read a page of flow runs."""

    spec: ClassVar = Spec(
        id="flow_runs.paginate",
        method="POST",
        path="/flow_runs/paginate",
        access="read",
        answer=FlowRunPage,
    )
    sort: FlowRunSort = FlowRunSort.ID_DESC
    limit: int | None = None
    page: int = 1


class UpdateFlowRun(Operation):
    """Change a flow run's name, tags, parameters and the like."""

    spec: ClassVar = Spec(
        id="flow_runs.update",
        method="PATCH",
        path="/flow_runs/{flow_run_id}",
        access="write",
        answer=None,
        status=204,
        body="flow_run",
    )
    flow_run_id: UUID
    flow_run: FlowRunUpdate


class SetFlowRunState(Operation):
    """Propose a state; `force` stores it without asking the rules."""

    spec: ClassVar = Spec(
        id="flow_runs.set_state",
        method="POST",
        path="/flow_runs/{flow_run_id}/set_state",
        access="write",
        answer=OrchestrationResult,
    )
    flow_run_id: UUID
    state: StateCreate
    force: bool = False


class FlowRunStateResult(OrchestrationResult, kw_only=True):
    """The answer to a state that was proposed for one of several runs."""

    flow_run_id: UUID


class StateResults(Struct, kw_only=True):
    """The answers to a state that was proposed for several runs."""

    results: list[FlowRunStateResult]


class BulkSetFlowRunState(Operation):
    """Propose a state for the first runs that a filter finds."""

    spec: ClassVar = Spec(
        id="flow_runs.bulk_set_state",
        method="POST",
        path="/flow_runs/bulk_set_state",
        access="write",
        answer=StateResults,
    )
    state: StateCreate
    flow_runs: FlowRunFilter | None = None
    force: bool = False
    limit: int = BULK_LIMIT


class MergeFlowRunLabels(Operation):
    """Set some labels of a flow run; the others stay."""

    spec: ClassVar = Spec(
        id="flow_runs.merge_labels",
        method="PATCH",
        path="/flow_runs/{flow_run_id}/labels",
        access="write",
        answer=None,
        status=204,
        body="labels",
    )
    flow_run_id: UUID
    labels: dict[str, str | int | float | bool]


class BulkDeleteFlowRuns(Operation):
    """Delete the first flow runs that a filter finds, with all that belongs to them."""

    spec: ClassVar = Spec(
        id="flow_runs.bulk_delete",
        method="POST",
        path="/flow_runs/bulk_delete",
        access="write",
        answer=Deleted,
    )
    flow_runs: FlowRunFilter | None = None
    limit: int = BULK_LIMIT


class DeleteFlowRun(Operation):
    """Delete a flow run with its task runs, logs, results and subflow runs."""

    spec: ClassVar = Spec(
        id="flow_runs.delete",
        method="DELETE",
        path="/flow_runs/{flow_run_id}",
        access="write",
        answer=None,
        status=204,
    )
    flow_run_id: UUID
