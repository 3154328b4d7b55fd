"""What a run hands to its caller and its hooks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from legato._model.states import State as StateRecord
from legato._model.states import StateDetails, StateType
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext
from legato._sdk.states import RETURNED_NONE, State


def of_task_run(
    state: StateRecord, data: Any, task_run_id: UUID, flow_run_id: UUID | None
) -> State:
    """Return the state of a task run as users see it."""
    details = state.state_details or StateDetails()
    details = replace(details, task_run_id=task_run_id, flow_run_id=flow_run_id)
    if data is None and state.type is StateType.COMPLETED:
        data = RETURNED_NONE
    return State.wrap(replace(state, state_details=details, data=data))


def public(context: RunContext, state: StateRecord, data: Any) -> State:
    """Return the state as users see it: with its data and with the ids of its run."""
    details = state.state_details or StateDetails()
    if isinstance(context, TaskRunContext):
        flow = context.flow_run_context
        flow_run_id = flow.id if flow is not None else None
        details = replace(details, task_run_id=context.id, flow_run_id=flow_run_id)
    elif isinstance(context, FlowRunContext):
        details = replace(details, flow_run_id=context.id, task_run_id=context.parent_task_run_id)
    if data is None and state.type is StateType.COMPLETED:
        data = RETURNED_NONE
    return State.wrap(replace(state, state_details=details, data=data))
