"""What Prefect's clients say of task runs: events, each with a state and the run as it stands.

The engine of such a client decides about its tasks itself and tells of it afterwards; `id` of an
event is the id of the state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field

from legato._model.errors import InvalidRequest
from legato._model.events import RESOURCE_ID, ROLE, TASK_RUN, EventCreate
from legato._model.records import Progress
from legato._model.results import said
from legato._model.states import State, StateDetails, StateType
from legato._model.task_runs import RunInput, TaskRunCreate, TaskRunPolicy


class _Run(Struct, kw_only=True):
    name: str
    task_key: str
    dynamic_key: str
    task_version: str | None = None
    empirical_policy: TaskRunPolicy | None = None
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}
    task_inputs: dict[str, list[dict[str, Any]]] = {}
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    run_count: int = 0
    flow_run_run_count: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class _State(Struct, kw_only=True):
    type: StateType
    name: str
    message: str | None = None
    state_details: dict[str, Any] = {}
    data: Any = None


class _Payload(Struct, kw_only=True):
    task_run: _Run
    validated_state: _State


class TaskEvent(Struct, kw_only=True):
    """A state of a task run, and the run as it was then."""

    run: TaskRunCreate
    progress: Progress = field(default_factory=Progress)


def is_task_event(event: EventCreate) -> bool:
    """Tell whether an event is about a task run that a client decides about itself."""
    if not event.event.startswith(TASK_RUN):
        return False
    return event.resource.get("prefect.orchestration") == "client"


def parsed(event: EventCreate) -> TaskEvent:
    """Return what an event says; raise InvalidRequest for one that says it otherwise."""
    try:
        return _task_event(event, msgspec.convert(event.payload, _Payload, strict=False))
    except (msgspec.ValidationError, ValueError, KeyError) as error:
        raise InvalidRequest(f"event: {error}") from None


def _task_event(event: EventCreate, payload: _Payload) -> TaskEvent:
    run, state = payload.task_run, payload.validated_state
    return TaskEvent(
        run=TaskRunCreate(
            id=_id(event.resource[RESOURCE_ID]),
            name=run.name,
            task_key=run.task_key,
            dynamic_key=run.dynamic_key,
            state=State(
                id=event.id,
                type=state.type,
                name=state.name,
                timestamp=event.occurred,
                message=state.message,
                state_details=_details(state.state_details),
                data=said(state.data),
            ),
            flow_run_id=_flow_run(event.related),
            task_version=run.task_version,
            tags=run.tags,
            labels=run.labels,
            task_inputs=_inputs(run.task_inputs),
            empirical_policy=run.empirical_policy,
            cache_key=run.cache_key,
            cache_expiration=run.cache_expiration,
            flow_run_run_count=run.flow_run_run_count,
        ),
        progress=Progress(run.run_count, run.start_time, run.end_time, run.total_run_time),
    )


def _details(given: dict[str, Any]) -> StateDetails:
    present = {key: value for key, value in given.items() if value is not None}
    return msgspec.convert(present, StateDetails, strict=False)


def _inputs(given: dict[str, list[dict[str, Any]]]) -> dict[str, list[RunInput]]:
    """Return the inputs that refer to something; a constant says only its type."""
    known = {
        name: [item for item in items if item.get("input_type") != "constant"]
        for name, items in given.items()
    }
    return msgspec.convert(known, dict[str, list[RunInput]], strict=False)


def _flow_run(related: list[dict[str, str]]) -> UUID | None:
    for resource in related:
        if resource.get(ROLE) == "flow-run":
            return _id(resource[RESOURCE_ID])
    return None


def _id(resource: str) -> UUID:
    return UUID(resource.rpartition(".")[2])
