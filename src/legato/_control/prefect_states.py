"""What states that Prefect's clients propose have in common, for flow runs and for task runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from legato._control.flow_runs import stamped
from legato._model.flow_runs import FlowRun
from legato._model.operations.flow_runs import StateCreate
from legato._model.results import is_stored
from legato._model.states import State, StateDetails, StateType
from legato._model.task_runs import TaskRun


def proposed(given: StateCreate, now: datetime) -> State:
    """Return a proposed state with its time; one that is scheduled without a time is due now."""
    state = stamped(given, now)
    details = state.state_details
    if state.type is StateType.SCHEDULED and (details is None or details.scheduled_time is None):
        state.state_details = details = details or StateDetails()
        details.scheduled_time = now
    return state


def standing(found: FlowRun | TaskRun) -> dict[str, Any]:
    """Return where a run stands, as the fields of `Standing`."""
    state = found.state
    details = None if state is None else state.state_details
    return {
        "type": found.state_type,
        "name": found.state_name,
        "details": details or StateDetails(),
        "run_count": found.run_count,
        "has_result": state is not None and is_stored(state.data),
    }
