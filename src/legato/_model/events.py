"""Events: what happened, to which resource, in the shape that Prefect's clients know.

A change of a run's state is never kept as an event. Whoever asks for it gets one that is made
here, of the state and of the run that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct, to_builtins

from legato._model.states import State, StateDetails

Resource = dict[str, str]
FLOW_RUN = "prefect.flow-run."
TASK_RUN = "prefect.task-run."
RESOURCE_ID = "prefect.resource.id"
RESOURCE_NAME = "prefect.resource.name"
POOL_TYPE = "prefect.work-pool.type"
ROLE = "prefect.resource.role"
MESSAGE_MAX = 100_000
FOLLOWS_WITHIN = timedelta(minutes=5)
"""An event names the one before it only if that is not longer ago."""


class EventCreate(Struct, kw_only=True, omit_defaults=True):
    """An event as somebody tells of it."""

    id: UUID
    occurred: datetime
    event: str
    resource: Resource
    related: list[Resource] = []
    payload: dict[str, Any] = {}
    follows: UUID | None = None


class Event(Struct, kw_only=True):
    """An event; `related` are other resources, each with its role."""

    id: UUID
    occurred: datetime
    event: str
    resource: Resource
    related: list[Resource] = []
    payload: dict[str, Any] = {}
    follows: UUID | None = None
    received: datetime


class Placed(NamedTuple):
    """An event at its place in the ordered log."""

    position: int
    event: Event


class Change(NamedTuple):
    """A run's transition: the state, the one before, how often the run has begun to run."""

    run_id: UUID
    state: State
    before: State | None
    run_count: int


class FlowRunFacts(NamedTuple):
    """What an event says of the flow run that it is about."""

    id: UUID
    name: str
    flow_id: UUID
    flow_name: str
    deployment_id: UUID | None
    work_queue_id: UUID | None
    work_queue_name: str | None
    work_pool_id: UUID | None
    work_pool_name: str | None
    work_pool_type: str | None
    parent_task_run_id: UUID | None
    parent_name: str | None
    tags: list[str]


class TaskRunFacts(NamedTuple):
    """What an event says of the task run that it is about; `run` is the payload's `task_run`."""

    name: str
    tags: list[str]
    run: dict[str, Any]


def of_flow_run(change: Change, run: FlowRunFacts) -> Event:
    """Return the event of a flow run's transition."""
    related = [*_around(run), *map(_tag, dict.fromkeys(run.tags))]
    states = _states(change)
    return _event(FLOW_RUN, change, {RESOURCE_NAME: run.name}, related, states)


def of_task_run(change: Change, task: TaskRunFacts, run: FlowRunFacts | None) -> Event:
    """Return the event of a task run's transition; `run` is the flow run that it belongs to."""
    related = [] if run is None else [_related(FLOW_RUN, run.id, "flow-run", run.name)]
    if run is not None:
        related += (found for found in _around(run) if found[ROLE] != "task-run")
    tags = [*task.tags, *(run.tags if run is not None else ())]
    related += map(_tag, dict.fromkeys(tags))
    payload = {**_states(change), "task_run": {**task.run, "run_count": change.run_count}}
    payload["validated_state"] |= {
        "state_details": _details(change.state.state_details),
        "data": None,
    }
    named = {RESOURCE_NAME: task.name, "prefect.orchestration": "client"}
    return _event(TASK_RUN, change, named, related, payload)


def _event(
    kind: str, change: Change, named: Resource, related: list[Resource], payload: dict[str, Any]
) -> Event:
    state, before = change.state, change.before
    resource = {
        RESOURCE_ID: f"{kind}{change.run_id}",
        **named,
        "prefect.run-count": str(change.run_count),
        "prefect.state-message": (state.message or "")[:MESSAGE_MAX],
        "prefect.state-name": state.name,
        "prefect.state-timestamp": state.timestamp.isoformat(),
        "prefect.state-type": state.type.value,
    }
    soon = before is not None and state.timestamp - before.timestamp <= FOLLOWS_WITHIN
    return Event(
        id=state.id,
        occurred=state.timestamp,
        event=kind + state.name,
        resource=resource,
        related=related,
        payload=payload,
        follows=before.id if before is not None and soon else None,
        received=state.timestamp,
    )


def _states(change: Change) -> dict[str, Any]:
    before = change.before
    return {
        "intended": {
            "from": None if before is None else before.type.value,
            "to": change.state.type.value,
        },
        "initial_state": None if before is None else _state(before),
        "validated_state": _state(change.state),
    }


def _state(state: State) -> dict[str, Any]:
    said = {} if state.message is None else {"message": state.message[:MESSAGE_MAX]}
    return {"type": state.type.value, "name": state.name, **said}


def _details(details: StateDetails | None) -> dict[str, Any]:
    found: dict[str, Any] = {} if details is None else to_builtins(details)
    return found


def _around(run: FlowRunFacts) -> Iterable[Resource]:
    """What a flow run belongs to, but for tags."""
    yield _related("prefect.flow.", run.flow_id, "flow", run.flow_name)
    if run.deployment_id is not None:
        yield _related("prefect.deployment.", run.deployment_id, "deployment", None)
    if run.work_queue_id is not None:
        queue = run.work_queue_name
        yield _related("prefect.work-queue.", run.work_queue_id, "work-queue", queue)
    if run.work_pool_id is not None:
        pool = _related("prefect.work-pool.", run.work_pool_id, "work-pool", run.work_pool_name)
        yield pool if run.work_pool_type is None else {**pool, POOL_TYPE: run.work_pool_type}
    if run.parent_task_run_id is not None:
        yield _related(TASK_RUN, run.parent_task_run_id, "task-run", run.parent_name)


def _related(kind: str, id_: UUID, role: str, name: str | None) -> Resource:
    named = {} if name is None else {RESOURCE_NAME: name}
    return {RESOURCE_ID: f"{kind}{id_}", ROLE: role, **named}


def _tag(tag: str) -> Resource:
    return {RESOURCE_ID: f"prefect.tag.{tag}", ROLE: "tag"}
