"""The async client's methods on deployments.

`sync_deployments.py` is generated from this file by scripts/generate.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from legato._model import deployments
from legato._model import filters as f
from legato._model.errors import InvalidRequest
from legato._model.operations import deployments as operations
from legato._model.operations.workers import PollDeployments
from legato._sdk.client.objects import DeploymentResponse, FlowRun
from legato._sdk.client.requests import Id, named, picks, present, proposed, uid
from legato._sdk.client.waiting import send
from legato._sdk.records import coerce

if TYPE_CHECKING:
    from uuid import UUID

    from legato._model.states import State as StateRecord


class DeploymentsClient:
    """What clients can do with deployments."""

    async def create_deployment(  # noqa: PLR0913, PLR0917 - Prefect's signature
        self,
        flow_id: Id,
        name: str,
        version: str | None = None,
        version_info: Any = None,
        schedules: list[Any] | None = None,
        concurrency_limit: int | None = None,
        concurrency_options: Any = None,
        parameters: dict[str, Any] | None = None,
        description: str | None = None,
        work_queue_name: str | None = None,
        work_pool_name: str | None = None,
        tags: list[str] | None = None,
        storage_document_id: Id | None = None,
        path: str | None = None,
        entrypoint: str | None = None,
        infrastructure_document_id: Id | None = None,
        parameter_openapi_schema: dict[str, Any] | None = None,
        paused: bool | None = None,
        pull_steps: list[dict[str, Any]] | None = None,
        enforce_parameter_schema: bool | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> UUID:
        """Create a deployment, or replace the one of that name of the flow; return its id.

        Raises InvalidRequest for what deployments do not have here.
        """
        given = present(locals(), of=deployments.DeploymentCreate)
        unserved = (concurrency_options, storage_document_id, infrastructure_document_id)
        if any(value is not None for value in unserved):
            raise InvalidRequest(
                "concurrency_options, storage_document_id, infrastructure_document_id: Deployments"
                " have none here; leave them out."
            )
        made = coerce({**given, "flow_id": uid(flow_id)}, deployments.DeploymentCreate)
        found: UUID = (await send(operations.CreateDeployment(deployment=made))).id
        return found

    async def read_deployment(self, deployment_id: Id) -> DeploymentResponse:
        """Return a deployment; raise ObjectNotFound."""
        request = operations.ReadDeployment(deployment_id=uid(deployment_id))
        return DeploymentResponse.wrap(await send(request))

    async def read_deployment_by_name(self, name: str) -> DeploymentResponse:
        """Return the deployment `FLOW/DEPLOYMENT`; raise ObjectNotFound."""
        flow_name, deployment_name = named(name)
        request = operations.ReadDeploymentByName(
            flow_name=flow_name, deployment_name=deployment_name
        )
        return DeploymentResponse.wrap(await send(request))

    async def read_deployments(  # noqa: PLR0913 - Prefect's signature
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        deployment_filter: f.DeploymentFilter | None = None,
        work_pool_filter: f.WorkPoolFilter | None = None,
        work_queue_filter: f.WorkQueueFilter | None = None,
        limit: int | None = None,
        sort: f.DeploymentSort | None = None,
        offset: int = 0,
    ) -> list[DeploymentResponse]:
        """List deployments by name."""
        found = await send(
            operations.FilterDeployments(
                **picks(locals()),
                sort=f.DeploymentSort(sort or "NAME_ASC"),
                limit=limit,
                offset=offset,
            )
        )
        return [DeploymentResponse.wrap(deployment) for deployment in found]

    async def update_deployment(
        self, deployment_id: Id, deployment: deployments.DeploymentUpdate
    ) -> None:
        """Change what is given of a deployment; raise ObjectNotFound."""
        given = coerce(deployment, deployments.DeploymentUpdate)
        request = operations.UpdateDeployment(deployment_id=uid(deployment_id), deployment=given)
        await send(request)

    async def pause_deployment(self, deployment_id: Id) -> None:
        """Say that a deployment is paused; raise ObjectNotFound."""
        await send(operations.PauseDeployment(deployment_id=uid(deployment_id)))

    async def resume_deployment(self, deployment_id: Id) -> None:
        """Say that a deployment is not paused any more; raise ObjectNotFound."""
        await send(operations.ResumeDeployment(deployment_id=uid(deployment_id)))

    async def get_scheduled_flow_runs_for_deployments(
        self,
        deployment_ids: Iterable[Id],
        scheduled_before: datetime | None = None,
        limit: int | None = None,
    ) -> list[FlowRun]:
        """Return runs of deployments that are due, in the order of their times."""
        request = PollDeployments(
            deployment_ids=[uid(each) for each in deployment_ids],
            scheduled_before=scheduled_before,
            limit=limit,
        )
        return [FlowRun.wrap(run) for run in await send(request)]

    async def delete_deployment(self, deployment_id: Id) -> None:
        """Delete a deployment and its runs that have not begun; raise ObjectNotFound."""
        await send(operations.DeleteDeployment(deployment_id=uid(deployment_id)))

    async def create_flow_run_from_deployment(  # noqa: PLR0913 - Prefect's signature
        self,
        deployment_id: Id,
        *,
        parameters: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        state: StateRecord | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        idempotency_key: str | None = None,
        parent_task_run_id: Id | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
        labels: deployments.Labels | None = None,
    ) -> FlowRun:
        """Create a run of a deployment, or return the one with that idempotency key.

        Its parameters are those of the deployment and these. Raises ObjectNotFound.
        """
        given = present(locals(), of=operations.DeploymentFlowRun)
        run = coerce(
            {
                **given,
                "state": None if state is None else proposed(state),
                "tags": sorted(tags or ()),
            },
            operations.DeploymentFlowRun,
        )
        request = operations.CreateFlowRunFromDeployment(
            deployment_id=uid(deployment_id), flow_run=run
        )
        return FlowRun.wrap(await send(request))
