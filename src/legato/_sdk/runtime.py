"""What `legato.runtime` tells about the active runs.

In tests the environment can stand in for a run: LEGATO__RUNTIME__FLOW_RUN__NAME=x.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from legato._sdk.context import FlowRunContext, TaskRunContext


def _parent(run: FlowRunContext) -> str | None:
    outer = run.outer
    parent = outer.flow_run_context if isinstance(outer, TaskRunContext) else outer
    return str(parent.id) if parent is not None else None


FLOW_RUN: dict[str, tuple[Callable[[FlowRunContext], Any], Any]] = {
    "id": (lambda run: str(run.id), None),
    "tags": (lambda run: sorted(run.tags), []),
    "name": (lambda run: run.name, None),
    "flow_name": (lambda run: run.flow.name, None),
    "flow_version": (lambda run: run.flow.version, None),
    "parameters": (lambda run: run.parameters, {}),
    "parent_flow_run_id": (_parent, None),
    "root_flow_run_id": (lambda run: str(run.root_id), None),
    "run_count": (lambda run: run.progress.run_count, 0),
    "scheduled_start_time": (lambda run: run.start_time, None),
    "deployment_id": (lambda run: None, None),
    "parent_deployment_id": (lambda run: None, None),
    "job_variables": (lambda run: {}, None),
    "api_url": (lambda run: None, None),
    "ui_url": (lambda run: None, None),
}
DEPLOYMENT: dict[str, tuple[Callable[[FlowRunContext], Any], Any]] = {
    "id": (lambda run: None, None),
    "name": (lambda run: None, None),
    "version": (lambda run: None, None),
    "parameters": (lambda run: {}, {}),
    "flow_run_id": (lambda run: str(run.id), None),
}
TASK_RUN: dict[str, tuple[Callable[[TaskRunContext], Any], Any]] = {
    "id": (lambda run: str(run.id), None),
    "tags": (lambda run: sorted(run.tags), []),
    "name": (lambda run: run.name, None),
    "task_name": (lambda run: run.task.name, None),
    "parameters": (lambda run: run.parameters, {}),
    "run_count": (lambda run: run.progress.run_count, 0),
    "api_url": (lambda run: None, None),
    "ui_url": (lambda run: None, None),
}


def flow_run(name: str) -> Any:
    """Return an attribute of the active flow run; raise AttributeError for an unknown one."""
    return _read("flow_run", FLOW_RUN, FlowRunContext.get(), name)


def deployment(name: str) -> Any:
    """Return an attribute of the deployment that the active flow run is of."""
    return _read("deployment", DEPLOYMENT, FlowRunContext.get(), name)


def task_run(name: str) -> Any:
    """Return an attribute of the active task run; raise AttributeError for an unknown one."""
    return _read("task_run", TASK_RUN, TaskRunContext.get(), name)


def _read(noun: str, table: dict[str, tuple[Any, Any]], run: Any, name: str) -> Any:
    if name not in table:
        raise AttributeError(f"legato.runtime.{noun} has no attribute {name!r}")
    get, outside = table[name]
    value: Any = get(run) if run is not None else outside
    for prefix in ("LEGATO", "PREFECT"):
        mocked = os.environ.get(f"{prefix}__RUNTIME__{noun.upper()}__{name.upper()}")
        if mocked is not None:
            return int(mocked) if isinstance(outside, int) else mocked
    return value.copy() if isinstance(outside, list) else value
