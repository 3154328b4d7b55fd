"""Active runs as the public records that hooks and contexts give out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from legato._model import flow_runs, task_runs
from legato._sdk.client.objects import FlowRun, TaskRun
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext


def flow_run_of(context: FlowRunContext) -> FlowRun:
    """Return the flow run of a context; `flow_id` is known once the run is stored."""
    return FlowRun.wrap(
        flow_runs.FlowRun(
            **_standing(context),
            flow_id=context.flow_id or UUID(int=0),
            flow_version=context.flow.version,
            parameters=context.parameters,
            parent_task_run_id=context.parent_task_run_id,
            root_flow_run_id=context.root_id,
        )
    )


def task_run_of(context: TaskRunContext) -> TaskRun:
    """Return the task run of a context."""
    flow = context.flow_run_context
    return TaskRun.wrap(
        task_runs.TaskRun(
            **_standing(context),
            flow_run_id=flow.id if flow is not None else None,
            task_key=context.task.task_key,
            dynamic_key=context.step_key,
            task_version=context.task.version,
            flow_run_run_count=flow.progress.run_count if flow is not None else 0,
        )
    )


def _standing(context: RunContext) -> dict[str, Any]:
    state, progress = context.state, context.progress
    assert state is not None  # noqa: S101 - a run in a context has been created
    return {
        "id": context.id,
        "created": state.timestamp,
        "updated": state.timestamp,
        "name": context.name,
        "tags": sorted(context.tags),
        "run_count": progress.run_count,
        "start_time": progress.start_time,
        "end_time": progress.end_time,
        "total_run_time": timedelta(seconds=progress.total_run_time),
        "state_id": state.id,
        "state_type": state.type,
        "state_name": state.name,
        "state": state,
    }
