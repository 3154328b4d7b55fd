"""The async client: each method builds an operation, as a value, and sends it.

`sync.py` is generated from this file by scripts/generate: the same methods without waiting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from legato._model import filters as f
from legato._model.errors import Error
from legato._model.flow_runs import FlowRunPolicy, FlowRunUpdate
from legato._model.flows import FlowCreate
from legato._model.logs import LogCreate
from legato._model.operations import admin as admin_operations
from legato._model.operations import flow_runs as flow_run_operations
from legato._model.operations import flows as flow_operations
from legato._model.operations import logs as log_operations
from legato._model.operations import states as state_operations
from legato._model.operations import task_runs as task_run_operations
from legato._model.states import State as StateRecord
from legato._sdk.client.aio_deployments import DeploymentsClient
from legato._sdk.client.aio_objects import ObjectsClient
from legato._sdk.client.aio_work_pools import WorkPoolsClient
from legato._sdk.client.objects import Flow, FlowRun, Log, OrchestrationResult, TaskRun
from legato._sdk.client.requests import Answer, Id, picks, proposed, uid
from legato._sdk.client.waiting import begin, end, raw, send
from legato._sdk.records import coerce
from legato._sdk.states import State

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Client(ObjectsClient, DeploymentsClient, WorkPoolsClient):
    """Asks the backend of this process; `async with get_client() as client`."""

    async def __aenter__(self) -> Self:
        await begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await end()

    async def hello(self) -> str:
        """Return a greeting; raises if the backend cannot be used."""
        found: str = await send(admin_operations.Hello())
        return found

    async def api_healthcheck(self) -> Exception | None:
        """Return None if the backend can be used, else the error that says why not."""
        try:
            await self.hello()
        except Error as error:
            return error
        return None

    async def request(self, method: str, path: str, json: Any = None) -> Answer:
        """Send an operation by its method and path, as over HTTP."""
        return await raw(method, path, json)

    # -- flows
    async def create_flow_from_name(self, flow_name: str) -> Any:
        """Create a flow, or find the one of that name; return its id."""
        flow = FlowCreate(name=flow_name)
        return (await send(flow_operations.CreateFlow(flow=flow))).id

    async def create_flow(self, flow: Any) -> Any:
        """Create the flow of a `@flow` function, or find it; return its id."""
        return await self.create_flow_from_name(flow.name)

    async def read_flow(self, flow_id: Id) -> Flow:
        """Return a flow; raise ObjectNotFound."""
        return Flow.wrap(await send(flow_operations.ReadFlow(flow_id=uid(flow_id))))

    async def read_flow_by_name(self, flow_name: str) -> Flow:
        """Return the flow of a name; raise ObjectNotFound."""
        return Flow.wrap(await send(flow_operations.ReadFlowByName(name=flow_name)))

    async def read_flows(  # noqa: PLR0913 - Prefect's signature
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        deployment_filter: f.DeploymentFilter | None = None,
        work_pool_filter: f.WorkPoolFilter | None = None,
        work_queue_filter: f.WorkQueueFilter | None = None,
        sort: f.FlowSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Flow]:
        """List flows."""
        found = await send(
            flow_operations.FilterFlows(
                **picks(locals()),
                sort=f.FlowSort(sort or "NAME_ASC"),
                limit=limit,
                offset=offset,
            )
        )
        return [Flow.wrap(flow) for flow in found]

    async def count_flows(
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        deployment_filter: f.DeploymentFilter | None = None,
        work_pool_filter: f.WorkPoolFilter | None = None,
        work_queue_filter: f.WorkQueueFilter | None = None,
    ) -> int:
        """Count flows."""
        found: int = await send(
            flow_operations.CountFlows(
                **picks(locals()),
            )
        )
        return found

    async def delete_flow(self, flow_id: Id) -> None:
        """Delete a flow with its runs; raise ObjectNotFound."""
        await send(flow_operations.DeleteFlow(flow_id=uid(flow_id)))

    # -- flow runs
    async def create_flow_run(  # noqa: PLR0913, PLR0917 - Prefect's signature
        self,
        flow: Any,
        name: str | None = None,
        parameters: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        parent_task_run_id: Id | None = None,
        state: StateRecord | None = None,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> FlowRun:
        """Create a run of a flow that nobody runs yet; raise ObjectNotFound for its pool."""
        run = flow_run_operations.FlowRunRequest(
            flow_id=await self.create_flow(flow),
            name=name,
            parameters=parameters or {},
            context=context or {},
            tags=sorted(tags or ()),
            parent_task_run_id=uid(parent_task_run_id) if parent_task_run_id else None,
            state=None if state is None else proposed(state),
            flow_version=flow.version,
            work_pool_name=work_pool_name,
            work_queue_name=work_queue_name,
            job_variables=job_variables,
            empirical_policy=FlowRunPolicy(
                max_retries=flow.retries,
                retry_delay_seconds=flow.retry_delay_seconds,
                retries=flow.retries,
                retry_delay=int(flow.retry_delay_seconds),
            ),
        )
        return FlowRun.wrap(await send(flow_run_operations.CreateFlowRun(flow_run=run)))

    async def read_flow_run(self, flow_run_id: Id) -> FlowRun:
        """Return a flow run; raise ObjectNotFound."""
        request = flow_run_operations.ReadFlowRun(flow_run_id=uid(flow_run_id))
        return FlowRun.wrap(await send(request))

    async def read_flow_runs(  # noqa: PLR0913 - what Prefect has, and `after`
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        deployment_filter: f.DeploymentFilter | None = None,
        work_pool_filter: f.WorkPoolFilter | None = None,
        work_queue_filter: f.WorkQueueFilter | None = None,
        sort: f.FlowRunSort | None = None,
        limit: int | None = None,
        offset: int = 0,
        after: Id | None = None,
    ) -> list[FlowRun]:
        """List flow runs."""
        found = await send(
            flow_run_operations.FilterFlowRuns(
                **picks(locals()),
                sort=f.FlowRunSort(sort or "ID_DESC"),
                limit=limit,
                offset=offset,
                after=uid(after) if after is not None else None,
            )
        )
        return [FlowRun.wrap(run) for run in found]

    async def count_flow_runs(
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        deployment_filter: f.DeploymentFilter | None = None,
        work_pool_filter: f.WorkPoolFilter | None = None,
        work_queue_filter: f.WorkQueueFilter | None = None,
    ) -> int:
        """Count flow runs."""
        found: int = await send(
            flow_run_operations.CountFlowRuns(
                **picks(locals()),
            )
        )
        return found

    async def update_flow_run(self, flow_run_id: Id, **changes: Any) -> None:
        """Change name, tags, parameters ...; raise ObjectNotFound."""
        update = FlowRunUpdate(**changes)
        request = flow_run_operations.UpdateFlowRun(flow_run_id=uid(flow_run_id), flow_run=update)
        await send(request)

    async def set_flow_run_name(self, flow_run_id: Id, name: str) -> None:
        """Rename a flow run; raise ObjectNotFound."""
        await self.update_flow_run(flow_run_id, name=name)

    async def set_flow_run_state(
        self, flow_run_id: Id, state: StateRecord, force: bool = False
    ) -> OrchestrationResult:
        """Propose a state for a flow run; raise ObjectNotFound."""
        request = flow_run_operations.SetFlowRunState(
            flow_run_id=uid(flow_run_id), state=proposed(state), force=force
        )
        return OrchestrationResult.wrap(await send(request))

    async def read_flow_run_state(self, flow_run_state_id: Id) -> State:
        """Return one state of a flow run; raise ObjectNotFound."""
        request = state_operations.ReadFlowRunState(id=uid(flow_run_state_id))
        return State.wrap(await send(request))

    async def read_flow_run_states(self, flow_run_id: Id) -> list[State]:
        """Return the history of a flow run, oldest first."""
        request = state_operations.ReadFlowRunStates(flow_run_id=uid(flow_run_id))
        return [State.wrap(state) for state in await send(request)]

    async def delete_flow_run(self, flow_run_id: Id) -> None:
        """Delete a flow run with all that belongs to it; raise ObjectNotFound."""
        await send(flow_run_operations.DeleteFlowRun(flow_run_id=uid(flow_run_id)))

    # -- task runs
    async def read_task_run(self, task_run_id: Id) -> TaskRun:
        """Return a task run; raise ObjectNotFound."""
        request = task_run_operations.ReadTaskRun(task_run_id=uid(task_run_id))
        return TaskRun.wrap(await send(request))

    async def read_task_runs(  # noqa: PLR0913 - what Prefect has, and `after`
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
        deployment_filter: f.DeploymentFilter | None = None,
        sort: f.TaskRunSort | None = None,
        limit: int | None = None,
        offset: int = 0,
        after: Id | None = None,
    ) -> list[TaskRun]:
        """List task runs."""
        found = await send(
            task_run_operations.FilterTaskRuns(
                **picks(locals()),
                sort=f.TaskRunSort(sort or "ID_DESC"),
                limit=limit,
                offset=offset,
                after=uid(after) if after is not None else None,
            )
        )
        return [TaskRun.wrap(run) for run in found]

    async def count_task_runs(
        self,
        *,
        flow_filter: f.FlowFilter | None = None,
        flow_run_filter: f.FlowRunFilter | None = None,
        task_run_filter: f.TaskRunFilter | None = None,
    ) -> int:
        """Count task runs."""
        found: int = await send(
            task_run_operations.CountTaskRuns(
                flows=flow_filter, flow_runs=flow_run_filter, task_runs=task_run_filter
            )
        )
        return found

    async def set_task_run_state(
        self, task_run_id: Id, state: StateRecord, force: bool = False
    ) -> OrchestrationResult:
        """Propose a state for a task run; raise ObjectNotFound."""
        request = task_run_operations.SetTaskRunState(
            task_run_id=uid(task_run_id), state=proposed(state), force=force
        )
        return OrchestrationResult.wrap(await send(request))

    async def read_task_run_states(self, task_run_id: Id) -> list[State]:
        """Return the history of a task run, oldest first."""
        request = state_operations.ReadTaskRunStates(task_run_id=uid(task_run_id))
        return [State.wrap(state) for state in await send(request)]

    async def delete_task_run(self, task_run_id: Id) -> None:
        """Delete a task run; raise ObjectNotFound."""
        await send(task_run_operations.DeleteTaskRun(task_run_id=uid(task_run_id)))

    # -- logs
    async def create_logs(self, logs: Iterable[LogCreate | dict[str, Any]]) -> None:
        """Store log lines, given as records or as dicts."""
        lines = [coerce(line, LogCreate) for line in logs]
        await send(log_operations.CreateLogs(logs=lines))

    async def read_logs(
        self,
        log_filter: f.LogFilter | None = None,
        limit: int | None = None,
        offset: int = 0,
        sort: f.LogSort | None = None,
    ) -> list[Log]:
        """List log lines."""
        found = await send(
            log_operations.FilterLogs(
                logs=log_filter,
                sort=f.LogSort(sort or "TIMESTAMP_ASC"),
                limit=limit,
                offset=offset,
            )
        )
        return [Log.wrap(line) for line in found]
