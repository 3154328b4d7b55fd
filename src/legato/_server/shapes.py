"""Answers in the shape that Prefect's clients know: every key is there, also where it says null."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from msgspec import structs

from legato._model.deployments import Deployment
from legato._model.flow_runs import FlowRun, FlowRunPolicy
from legato._model.operations.deployments import DeploymentPage
from legato._model.operations.flow_runs import FlowRunPage, OrchestrationResult, StateResults
from legato._model.operations.flows import FlowPage
from legato._model.operations.graphs import Dependency
from legato._model.operations.task_runs import TaskRunPage
from legato._model.states import State, StateDetails
from legato._model.task_runs import TaskRun, TaskRunPolicy
from legato._model.wire import jsonable, jsonable_with
from legato._model.workers import WorkerFlowRun

_DETAILS = jsonable(structs.asdict(StateDetails()))
_POLICY = jsonable(structs.asdict(FlowRunPolicy()))
_TASK_POLICY = jsonable(structs.asdict(TaskRunPolicy()))
_OF_RUNS = ("total_run_time", "estimated_run_time", "estimated_start_time_delta")
_DURATIONS: dict[type, tuple[str, ...]] = {
    FlowRun: _OF_RUNS,
    TaskRun: _OF_RUNS,
    State: (),
    OrchestrationResult: (),
}
_UNSERVED: dict[str, Any] = {
    "schedules": [],
    **dict.fromkeys(
        (
            "concurrency_limit", "global_concurrency_limit", "concurrency_options",
            "storage_document_id", "infrastructure_document_id", "created_by", "updated_by",
        )
    ),
}  # fmt: skip
"""What deployments do not have here, as Prefect's clients read it."""
_INNER: dict[type, str] = {
    **dict.fromkeys((DeploymentPage, FlowPage, FlowRunPage, TaskRunPage, StateResults), "results"),
    WorkerFlowRun: "flow_run",
}
"""Answers that hold others in one of their fields."""


def shaped(value: Any) -> Any:
    """Return an answer as JSON values."""
    kind = cast("type", value.__class__)
    if isinstance(value, list):
        return [shaped(item) for item in cast("Iterable[Any]", value)]
    durations = _DURATIONS.get(kind)
    plain = jsonable(value) if durations is None else jsonable_with(value, durations)
    if isinstance(value, State):
        return _state(plain)
    if isinstance(value, Deployment):
        return _deployment(plain)
    if isinstance(value, FlowRun):
        return _flow_run(plain)
    if isinstance(value, TaskRun):
        plain["state"] = _state(plain["state"], task_run_id=plain["id"])
        plain["empirical_policy"] = {**_TASK_POLICY, **plain["empirical_policy"]}
    if isinstance(value, Dependency | OrchestrationResult):
        plain["state"] = _state(plain["state"])
    inner = _INNER.get(kind)
    if inner is not None:
        plain[inner] = shaped(getattr(value, inner))
    return plain


def _deployment(found: dict[str, Any]) -> dict[str, Any]:
    labels = {"prefect.flow.id": found["flow_id"], **found["labels"]}
    said: dict[str, Any] = {
        "labels": labels,
        "parameter_openapi_schema": found["parameter_openapi_schema"] or {},
        "pull_steps": found["pull_steps"] or [],
    }
    return {**_UNSERVED, **found, **said}


def _flow_run(run: dict[str, Any]) -> dict[str, Any]:
    above = run["parent_task_run_id"]
    ids = {"flow_run_id": run["id"]} | ({"task_run_id": above} if above is not None else {})
    run["state"] = _state(run["state"], **ids)
    labels = {"prefect.flow.id": run["flow_id"]}
    if run["deployment_id"] is not None:
        labels["prefect.deployment.id"] = run["deployment_id"]
    run["labels"] = {**labels, **run["labels"]}
    run["empirical_policy"] = {**_POLICY, **run["empirical_policy"]}
    run["job_variables"] = run["job_variables"] or {}
    return run


def _state(state: dict[str, Any] | None, **ids: str) -> dict[str, Any] | None:
    if state is None:
        return None
    state["state_details"] = {**_DETAILS, **ids, **(state["state_details"] or {})}
    return state


def is_new(value: Any, now: datetime) -> bool:
    """Tell whether a request that was carried out at `now` made what it answers."""
    if isinstance(value, OrchestrationResult):
        return value.state is not None and value.state.timestamp == now
    return getattr(value, "created", now) == now
