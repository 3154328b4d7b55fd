"""Operations on deployments."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from legato._model.deployments import Deployment, DeploymentCreate, DeploymentUpdate, Labels
from legato._model.errors import Conflict, ObjectNotFound
from legato._model.filters import DeploymentFilter, DeploymentSort
from legato._model.flow_runs import FlowRun, FlowRunPolicy
from legato._model.operations.flow_runs import StateCreate
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import BULK_LIMIT, Deleted, Operation, Spec


class CreateDeployment(Operation):
    """Create a deployment; one of that name of the flow is replaced and keeps its id."""

    spec: ClassVar = Spec(
        id="deployments.create",
        method="POST",
        path="/deployments/",
        access="write",
        answer=Deployment,
        status=201,
        body="deployment",
        errors=(Conflict, ObjectNotFound),
    )
    deployment: DeploymentCreate


class ReadDeployment(Operation):
    """Read a deployment."""

    spec: ClassVar = Spec(
        id="deployments.read",
        method="GET",
        path="/deployments/{deployment_id}",
        access="read",
        answer=Deployment,
    )
    deployment_id: UUID


class ReadDeploymentByName(Operation):
    """Read a deployment by the names of its flow and of itself."""

    spec: ClassVar = Spec(
        id="deployments.read_by_name",
        method="GET",
        path="/deployments/name/{flow_name}/{deployment_name}",
        access="read",
        answer=Deployment,
    )
    flow_name: str
    deployment_name: str


class FilterDeployments(OfRuns):
    """List deployments."""

    spec: ClassVar = Spec(
        id="deployments.filter",
        method="POST",
        path="/deployments/filter",
        access="read",
        answer=list[Deployment],
    )
    sort: DeploymentSort = DeploymentSort.NAME_ASC
    limit: int | None = None
    offset: int = 0


class DeploymentPage(Struct, kw_only=True):
    """A page of deployments, counted from 1, and how many there are of both."""

    results: list[Deployment]
    count: int
    limit: int
    pages: int
    page: int


class PaginateDeployments(OfRuns):
    """Read a page of deployments."""

    spec: ClassVar = Spec(
        id="deployments.paginate",
        method="POST",
        path="/deployments/paginate",
        access="read",
        answer=DeploymentPage,
    )
    sort: DeploymentSort = DeploymentSort.NAME_ASC
    limit: int | None = None
    page: int = 1


class BulkDeleteDeployments(Operation):
    """Delete the first deployments that a filter finds, with their runs that are scheduled."""

    spec: ClassVar = Spec(
        id="deployments.bulk_delete",
        method="POST",
        path="/deployments/bulk_delete",
        access="write",
        answer=Deleted,
    )
    deployments: DeploymentFilter | None = None
    limit: int = BULK_LIMIT


class CountDeployments(OfRuns):
    """Count deployments."""

    spec: ClassVar = Spec(
        id="deployments.count",
        method="POST",
        path="/deployments/count",
        access="read",
        answer=int,
    )


class UpdateDeployment(Operation):
    """Change what is given of a deployment."""

    spec: ClassVar = Spec(
        id="deployments.update",
        method="PATCH",
        path="/deployments/{deployment_id}",
        access="write",
        answer=None,
        status=204,
        body="deployment",
        errors=(Conflict,),
    )
    deployment_id: UUID
    deployment: DeploymentUpdate


class PauseDeployment(Operation):
    """Say that a deployment is paused."""

    spec: ClassVar = Spec(
        id="deployments.pause",
        method="POST",
        path="/deployments/{deployment_id}/pause_deployment",
        access="write",
        answer=None,
    )
    deployment_id: UUID


class ResumeDeployment(Operation):
    """Say that a deployment is not paused any more."""

    spec: ClassVar = Spec(
        id="deployments.resume",
        method="POST",
        path="/deployments/{deployment_id}/resume_deployment",
        access="write",
        answer=None,
    )
    deployment_id: UUID


class DeleteDeployment(Operation):
    """Delete a deployment and its runs that are scheduled; other runs stay."""

    spec: ClassVar = Spec(
        id="deployments.delete",
        method="DELETE",
        path="/deployments/{deployment_id}",
        access="write",
        answer=None,
        status=204,
    )
    deployment_id: UUID


class DeploymentFlowRun(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a run has besides what its deployment says; without a state it is Scheduled for now."""

    name: str | None = None
    state: StateCreate | None = None
    parameters: dict[str, Any] = {}
    context: dict[str, Any] = {}
    empirical_policy: FlowRunPolicy | None = None
    tags: list[str] = []
    labels: Labels = {}
    idempotency_key: str | None = None
    parent_task_run_id: UUID | None = None
    job_variables: dict[str, Any] = {}
    work_queue_name: str | None = None
    enforce_parameter_schema: bool | None = None


class CreateFlowRunFromDeployment(Operation):
    """Create a run of a deployment, or return the one with that idempotency key."""

    spec: ClassVar = Spec(
        id="deployments.create_flow_run",
        method="POST",
        path="/deployments/{deployment_id}/create_flow_run",
        access="write",
        answer=FlowRun,
        status=201,
        body="flow_run",
        errors=(Conflict,),
    )
    deployment_id: UUID
    flow_run: DeploymentFlowRun


class CreatedFlowRun(Struct, kw_only=True):
    """What became of one of several runs that were asked for: the run, or why there is none."""

    status: Literal["CREATED", "FAILED"]
    flow_run_id: UUID | None = None
    error: str | None = None


class CreatedFlowRuns(Struct, kw_only=True):
    """What became of each of several runs, in the order in which they were asked for."""

    results: list[CreatedFlowRun]


class CreateFlowRunsFromDeployment(Operation):
    """Create up to 100 runs of a deployment; one that cannot be made does not stop the others."""

    spec: ClassVar = Spec(
        id="deployments.create_flow_runs",
        method="POST",
        path="/deployments/{deployment_id}/create_flow_run/bulk",
        access="write",
        answer=CreatedFlowRuns,
        body="flow_runs",
    )
    deployment_id: UUID
    flow_runs: list[DeploymentFlowRun]
