"""A paused flow run goes on: its input is looked at and kept, and the rules decide."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from legato._control import flow_run_inputs as inputs
from legato._control import flow_runs, parameter_values, prefect_flow_runs
from legato._model import json_schema
from legato._model.errors import Error, InvalidRequest
from legato._model.operations.flow_run_inputs import (
    CreateFlowRunInput,
    ReadFlowRunInput,
    ResumeFlowRun,
)
from legato._model.operations.flow_runs import (
    OrchestrationResult,
    ReadFlowRun,
    SetFlowRunState,
    StateCreate,
)
from legato._model.states import StateDetails, StateType
from legato._store.port import Transaction

_NOT_PAUSED = "Cannot resume a flow run that is not paused."


def resume(tx: Transaction, now: datetime, request: ResumeFlowRun) -> OrchestrationResult:
    """Have a paused flow run go on; raise ObjectNotFound."""
    run_id = request.flow_run_id
    state = flow_runs.read(tx, now, ReadFlowRun(flow_run_id=run_id)).state
    if state is None or state.type is not StateType.PAUSED:
        refused = {"type": "abort_details", "reason": _NOT_PAUSED}
        return OrchestrationResult(state=None, status="ABORT", details=refused)
    details = state.state_details or StateDetails()
    keyset = details.run_input_keyset
    given, fault = request.run_input or {}, None
    if keyset is not None:
        given, fault = _looked_at(tx, now, request, keyset.get("schema", ""), given)
    if fault is not None:
        refused = {"type": "reject_details", "reason": fault}
        return OrchestrationResult(state=state, status="REJECT", details=refused)
    asked = SetFlowRunState(flow_run_id=run_id, state=_next(now, details))
    answer = prefect_flow_runs.set_state(tx, now, asked)
    if answer.status == "ACCEPT" and keyset is not None:
        text, key = msgspec.json.encode(given).decode(), keyset.get("response", "")
        inputs.keep(tx, now, CreateFlowRunInput(flow_run_id=run_id, key=key, value=text))
    return answer


def _next(now: datetime, paused: StateDetails) -> StateCreate:
    """Return the state to go on in: at once, or in a process that has to be started."""
    if not paused.pause_reschedule:
        return StateCreate(type=StateType.RUNNING)
    due = StateDetails(scheduled_time=now)
    return StateCreate(type=StateType.SCHEDULED, name="Resuming", state_details=due)


def _looked_at(
    tx: Transaction, now: datetime, request: ResumeFlowRun, key: str, given: dict[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """Return an input with what it names, and what is wrong with it by the run's schema."""
    try:
        values = parameter_values.resolve(tx, given, "run_input")
    except InvalidRequest as error:
        return given, str(error)
    return values, _fault(tx, now, request, key, values)


def _fault(
    tx: Transaction, now: datetime, request: ResumeFlowRun, key: str, given: dict[str, Any]
) -> str | None:
    """Say what is wrong with an input, by the schema that the run has left."""
    try:
        text = inputs.read(tx, now, ReadFlowRunInput(flow_run_id=request.flow_run_id, key=key))
        found = json_schema.problems(given, msgspec.json.decode(text))
    except Error:
        return "Run input schema not found."
    except msgspec.DecodeError:
        return "Run input schema is not valid JSON."
    except (ValueError, TypeError, AttributeError, RecursionError, re.error) as error:
        return f"Invalid schema: {error}."
    return f"run_input: {'; '.join(found)}" if found else None
