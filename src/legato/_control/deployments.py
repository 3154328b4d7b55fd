"""Operations on deployments."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from msgspec import UNSET, structs

from legato._control import flow_runs, pages, parameter_values, work_queues
from legato._control.object_events import tell
from legato._control.work_queues import Placed
from legato._model import json_schema
from legato._model.deployments import (
    KEPT,
    NOT_KEPT,
    Deployment,
    DeploymentCreate,
    DeploymentDetails,
    DeploymentUpdate,
    Labels,
)
from legato._model.errors import Conflict, InvalidRequest, NotAllowed, ObjectNotFound
from legato._model.flow_runs import FlowRun, FlowRunPolicy
from legato._model.object_events import Happened, Verb, of_deployment
from legato._model.operations.deployments import (
    BulkDeleteDeployments,
    CountDeployments,
    CreateDeployment,
    CreatedFlowRun,
    CreatedFlowRuns,
    CreateFlowRunFromDeployment,
    CreateFlowRunsFromDeployment,
    DeleteDeployment,
    DeploymentPage,
    FilterDeployments,
    PaginateDeployments,
    PauseDeployment,
    ReadDeployment,
    ReadDeploymentByName,
    ResumeDeployment,
    UpdateDeployment,
)
from legato._model.operations.flow_runs import CreateFlowRun, FlowRunRequest, StateCreate
from legato._model.operations.spec import Deleted
from legato._model.states import StateDetails, StateType
from legato._model.work_events import pool_resource, queue_resource
from legato._store import deployments, finding, trees
from legato._store.port import Transaction

RUNS_AT_ONCE = 100


def create(tx: Transaction, now: datetime, request: CreateDeployment) -> Deployment:
    """Create a deployment, or replace the one of that name of the flow; raise ObjectNotFound."""
    given = request.deployment
    if not given.name:
        raise InvalidRequest("name: A deployment has a name.")
    _check_kept(given)
    _check_schema(given.parameter_openapi_schema)
    flow = finding.find_flow(tx, given.flow_id)
    if flow is None:
        raise InvalidRequest(f"flow_id: There is no flow {given.flow_id}.")
    names = (given.work_pool_name, given.work_queue_name)
    placed = _place(tx, now, *names, given.job_variables)
    made = _made(now, given, placed, flow.labels)
    known = deployments.find_by_name(tx, now, given.flow_id, given.name)
    wrong = _faults(made if known is None else _in_place_of(known, made, given))
    if wrong:
        raise InvalidRequest(wrong)
    if deployments.create(tx, made):
        tell(tx, now, _told("created", made, placed))
        return made
    return _replace(tx, now, made, given, placed)


def _made(
    now: datetime, given: DeploymentCreate, placed: Placed | None, labels: Labels
) -> Deployment:
    said = {name: getattr(given, name) for name in (*DeploymentDetails.__struct_fields__, *KEPT)}
    said["labels"] = {**labels, **given.labels}
    return Deployment(
        id=uuid4(),
        created=now,
        updated=now,
        name=given.name,
        flow_id=given.flow_id,
        tags=list(dict.fromkeys(given.tags)),
        **{name: value for name, value in said.items() if value is not UNSET},
        **_fields(placed),
    )


def _in_place_of(known: Deployment, made: Deployment, given: DeploymentCreate) -> Deployment:
    """Return what becomes of a deployment that another one is to replace."""
    kept = {name: getattr(known, name) for name in KEPT if getattr(given, name) is UNSET}
    kept |= {name: getattr(known, name) for name in ("id", "created", "last_polled", "status")}
    return structs.replace(made, **kept)


def _replace(
    tx: Transaction,
    now: datetime,
    made: Deployment,
    given: DeploymentCreate,
    placed: Placed | None,
) -> Deployment:
    """Put a deployment in the place of the one of that name of the flow."""
    known = deployments.find_by_name(tx, now, made.flow_id, made.name)
    if known is not None:
        deployments.lock(tx, known.id)  # behind the pool, as for who deletes that
        known = deployments.find(tx, now, known.id)
    if known is None:
        raise Conflict(f"The deployment {made.name!r} was deleted in this moment; create it anew.")
    changed = _in_place_of(known, made, given)
    _change(tx, now, known, changed, placed)
    return changed


def _change(
    tx: Transaction, now: datetime, known: Deployment, changed: Deployment, placed: Placed | None
) -> None:
    """Write a deployment, and tell of it if it is another than it was."""
    deployments.change(tx, now, changed)
    if structs.replace(changed, updated=known.updated) != known:
        tell(tx, now, _told("updated", changed, placed))
    elif placed is not None:
        tell(tx, now, placed.happened)


def _place(
    tx: Transaction, now: datetime, pool_name: str | None, queue_name: str | None, given: Any
) -> Placed | None:
    """Return the place of these names, for jobs with some variables; raise ObjectNotFound."""
    if pool_name is None and queue_name is None:
        return None
    return work_queues.place(tx, now, pool_name, queue_name, given)


def _fields(placed: Placed | None) -> dict[str, Any]:
    """What a deployment has of its place."""
    return {
        "work_queue_id": None if placed is None else placed.queue.id,
        "work_queue_name": None if placed is None else placed.queue.name,
        "work_pool_name": None if placed is None else placed.pool.name,
    }


def _told(verb: Verb, deployment: Deployment, placed: Placed | None) -> list[Happened]:
    if placed is None:
        return [of_deployment(verb, deployment)]
    around = [queue_resource(placed.queue), pool_resource(placed.pool)]
    return [*placed.happened, of_deployment(verb, deployment, around)]


def _known_place(tx: Transaction, now: datetime, known: Deployment) -> Placed | None:
    """Return the place that a deployment has."""
    if known.work_pool_name is None:
        return None
    return _place(tx, now, known.work_pool_name, known.work_queue_name, {})


def _check_kept(given: DeploymentCreate | DeploymentUpdate) -> None:
    """Refuse what would be asked for in vain: nothing schedules runs yet."""
    for name in NOT_KEPT:
        if getattr(given, name) not in (UNSET, None, []):
            raise InvalidRequest(
                f"{name}: Deployments have no schedules and limits here yet; leave out {name},"
                " and create the runs of the deployment yourself."
            )


def _faults(known: Deployment) -> str | None:
    """Tell what is wrong with a deployment's own parameters, which a run may add to."""
    if not known.enforce_parameter_schema:
        return None
    schema = known.parameter_openapi_schema or {}
    found = parameter_values.faults_of_defaults(known.parameters, schema)
    if not found:
        return None
    return (
        f"parameters: {'; '.join(found)}, says parameter_openapi_schema; change one of them, or"
        " send enforce_parameter_schema=false."
    )


def _check_schema(schema: dict[str, Any] | None) -> None:
    """Refuse a schema of parameters that no parameters could be held against."""
    try:
        json_schema.problems({}, schema or {})
    except ValueError as error:
        raise InvalidRequest(f"parameter_openapi_schema: {error}") from None


def read(tx: Transaction, now: datetime, request: ReadDeployment) -> Deployment:
    """Return a deployment; raise ObjectNotFound."""
    found = deployments.find(tx, now, request.deployment_id)
    if found is None:
        raise ObjectNotFound(f"There is no deployment {request.deployment_id}.")
    return found


def read_by_name(tx: Transaction, now: datetime, request: ReadDeploymentByName) -> Deployment:
    """Return the deployment of a name of the flow of a name; raise ObjectNotFound."""
    flow = finding.find_flow_by_name(tx, request.flow_name)
    name = request.deployment_name
    found = None if flow is None else deployments.find_by_name(tx, now, flow.id, name)
    if found is None:
        raise ObjectNotFound(f"There is no deployment {request.flow_name}/{name}.")
    return found


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterDeployments
) -> list[Deployment]:
    """List deployments."""
    from legato._store.queries import deployments as queries

    return queries.listed(tx, now, request)


def count(tx: Transaction, now: datetime, request: CountDeployments) -> int:
    """Count deployments."""
    from legato._store.queries import deployments as queries

    return queries.count(tx, request)


def paginate(tx: Transaction, now: datetime, request: PaginateDeployments) -> DeploymentPage:
    """Return a page of deployments."""
    from legato._store.queries import deployments as queries

    return pages.page(
        request,
        FilterDeployments,
        lambda asked: queries.listed(tx, now, asked),
        lambda: queries.count(tx, request),
        DeploymentPage,
    )


def bulk_delete(tx: Transaction, now: datetime, request: BulkDeleteDeployments) -> Deleted:
    """Delete the first deployments that a filter finds, and their runs that have not begun."""
    limit = pages.bulk(request.limit)
    found = filter(tx, now, FilterDeployments(deployments=request.deployments, limit=limit))
    for known in found:
        delete(tx, now, DeleteDeployment(deployment_id=known.id))
    return Deleted(deleted=[known.id for known in found])


def update(tx: Transaction, now: datetime, request: UpdateDeployment) -> None:
    """Change what is given of a deployment; raise ObjectNotFound."""
    asked = ReadDeployment(deployment_id=request.deployment_id)
    known, given = read(tx, now, asked), request.deployment
    _check_kept(given)
    if given.parameter_openapi_schema is not UNSET:
        _check_schema(given.parameter_openapi_schema)
    placed = _new_place(tx, now, known, given)
    deployments.lock(tx, known.id)  # behind the pool, as for who deletes that
    known = read(tx, now, asked)
    changed = _with(known, given, placed)
    held = (given.parameters, given.parameter_openapi_schema, given.enforce_parameter_schema)
    wrong = None if all(value is UNSET for value in held) else _faults(changed)
    if wrong:
        raise Conflict(wrong)
    _change(tx, now, known, changed, placed)


def _with(known: Deployment, given: DeploymentUpdate, placed: Placed | None) -> Deployment:
    """Return a deployment as it is after a change."""
    kept = set(Deployment.__struct_fields__)
    said = {name: value for name, value in structs.asdict(given).items() if name in kept}
    if _moves(given):
        said |= _fields(placed)
    changed = structs.replace(
        known, **{name: value for name, value in said.items() if value is not UNSET}
    )
    changed.tags = list(dict.fromkeys(changed.tags))
    return changed


def _moves(given: DeploymentUpdate) -> bool:
    """Tell whether a change says where runs are to wait."""
    return given.work_pool_name is not UNSET or given.work_queue_name is not UNSET


def _new_place(
    tx: Transaction, now: datetime, known: Deployment, given: DeploymentUpdate
) -> Placed | None:
    """Return the place that a deployment has after a change."""
    pool, queue, variables = given.work_pool_name, given.work_queue_name, given.job_variables
    if not _moves(given) and (variables is UNSET or known.work_pool_name is None):
        return _known_place(tx, now, known)
    pool = known.work_pool_name if pool is UNSET else pool
    if queue is UNSET:
        queue = None if _moves(given) else known.work_queue_name
    return _place(tx, now, pool, queue, known.job_variables if variables is UNSET else variables)


def pause(tx: Transaction, now: datetime, request: PauseDeployment) -> None:
    """Say that a deployment is paused; raise ObjectNotFound."""
    _set_paused(tx, now, request.deployment_id, paused=True)


def resume(tx: Transaction, now: datetime, request: ResumeDeployment) -> None:
    """Say that a deployment is not paused any more; raise ObjectNotFound."""
    _set_paused(tx, now, request.deployment_id, paused=False)


def _set_paused(tx: Transaction, now: datetime, deployment_id: UUID, *, paused: bool) -> None:
    if read(tx, now, ReadDeployment(deployment_id=deployment_id)).paused != paused:
        change = DeploymentUpdate(paused=paused)
        update(tx, now, UpdateDeployment(deployment_id=deployment_id, deployment=change))


def delete(tx: Transaction, now: datetime, request: DeleteDeployment) -> None:
    """Delete a deployment and its runs that have not begun; raise ObjectNotFound."""
    known = read(tx, now, ReadDeployment(deployment_id=request.deployment_id))
    for run_id in deployments.list_scheduled_runs(tx, known.id):
        trees.delete(tx, run_id)
    deployments.delete(tx, known.id)
    tell(tx, now, _told("deleted", known, _known_place(tx, now, known)))


def create_flow_run(
    tx: Transaction, now: datetime, request: CreateFlowRunFromDeployment
) -> FlowRun:
    """Create a run of a deployment; raise ObjectNotFound, or Conflict for wrong parameters."""
    known = read(tx, now, ReadDeployment(deployment_id=request.deployment_id))
    given = request.flow_run
    if given.work_queue_name and known.work_pool_name is None:
        raise NotAllowed(
            f"work_queue_name: The deployment {known.name!r} has no work pool, so there is no queue"
            f" {given.work_queue_name!r} for its run; leave it out, or give the deployment a pool."
        )
    parameters = parameter_values.resolve(
        tx, {**known.parameters, **given.parameters}, "parameters"
    )
    enforced = given.enforce_parameter_schema
    if known.enforce_parameter_schema if enforced is None else enforced:
        _check_parameters(known, parameters)
    due = StateCreate(type=StateType.SCHEDULED, state_details=StateDetails(scheduled_time=now))
    asked = FlowRunRequest(
        name=given.name,
        flow_id=known.flow_id,
        deployment_id=known.id,
        deployment_version=known.version,
        state=given.state or due,
        parameters=parameters,
        context=given.context,
        empirical_policy=given.empirical_policy or FlowRunPolicy(),
        tags=list(dict.fromkeys([*known.tags, *given.tags])),
        labels={**known.labels, **given.labels},
        idempotency_key=given.idempotency_key,
        parent_task_run_id=given.parent_task_run_id,
        job_variables=given.job_variables or None,
        work_pool_name=known.work_pool_name,
        work_queue_name=given.work_queue_name or known.work_queue_name,
        entrypoint=known.entrypoint,
    )
    return flow_runs.create(tx, now, CreateFlowRun(flow_run=asked))


def create_flow_runs(
    tx: Transaction, now: datetime, request: CreateFlowRunsFromDeployment
) -> CreatedFlowRuns:
    """Create several runs of a deployment; raise ObjectNotFound if there is none."""
    if len(request.flow_runs) > RUNS_AT_ONCE:
        raise InvalidRequest(
            f"flow_runs: At most {RUNS_AT_ONCE} runs are made at once, not"
            f" {len(request.flow_runs)}; send the rest in another request."
        )
    deployment_id = read(tx, now, ReadDeployment(deployment_id=request.deployment_id)).id
    results: list[CreatedFlowRun] = []
    for given in request.flow_runs:
        asked = CreateFlowRunFromDeployment(deployment_id=deployment_id, flow_run=given)
        try:
            with tx.savepoint():
                made = create_flow_run(tx, now, asked)
        except (InvalidRequest, ObjectNotFound, Conflict, NotAllowed) as error:
            results.append(CreatedFlowRun(status="FAILED", error=str(error)))
        else:
            results.append(CreatedFlowRun(status="CREATED", flow_run_id=made.id))
    return CreatedFlowRuns(results=results)


def _check_parameters(known: Deployment, parameters: dict[str, Any]) -> None:
    try:
        found = json_schema.problems(parameters, known.parameter_openapi_schema or {})
    except ValueError as error:
        found = [str(error)]
    if found:
        raise Conflict(f"parameters: {'; '.join(found)}")
