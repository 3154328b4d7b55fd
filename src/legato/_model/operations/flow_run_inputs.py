"""Operations on what is sent to flow runs while they run or pause."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.errors import Conflict
from legato._model.operations.flow_runs import OrchestrationResult
from legato._model.operations.spec import Operation, Spec


class SentInput(Struct, kw_only=True):
    """What was sent to a flow run under a key; the value is text, usually JSON."""

    id: UUID
    created: datetime
    updated: datetime
    flow_run_id: UUID
    key: str
    value: str
    sender: str | None = None


class CreateFlowRunInput(Operation):
    """Send something to a flow run; raise Conflict if there is something under that key."""

    spec: ClassVar = Spec(
        id="flow_run_inputs.create",
        method="POST",
        path="/flow_runs/{flow_run_id}/input",
        access="write",
        answer=None,
        status=201,
        errors=(Conflict,),
    )
    flow_run_id: UUID
    key: str
    value: str
    sender: str | None = None


class FilterFlowRunInputs(Operation):
    """List what was sent to a flow run under keys that begin alike, oldest first."""

    spec: ClassVar = Spec(
        id="flow_run_inputs.filter",
        method="POST",
        path="/flow_runs/{flow_run_id}/input/filter",
        access="read",
        answer=list[SentInput],
    )
    flow_run_id: UUID
    prefix: str
    limit: int = 1
    exclude_keys: list[str] = []


class ReadFlowRunInput(Operation):
    """Read what was sent to a flow run under a key."""

    spec: ClassVar = Spec(
        id="flow_run_inputs.read",
        method="GET",
        path="/flow_runs/{flow_run_id}/input/{key}",
        access="read",
        answer=str,
    )
    flow_run_id: UUID
    key: str


class DeleteFlowRunInput(Operation):
    """Delete what was sent to a flow run under a key."""

    spec: ClassVar = Spec(
        id="flow_run_inputs.delete",
        method="DELETE",
        path="/flow_runs/{flow_run_id}/input/{key}",
        access="write",
        answer=None,
        status=204,
    )
    flow_run_id: UUID
    key: str


class ResumeFlowRun(Operation):
    """Have a paused flow run go on, with an input if it waits for one."""

    spec: ClassVar = Spec(
        id="flow_runs.resume",
        method="POST",
        path="/flow_runs/{flow_run_id}/resume",
        access="write",
        answer=OrchestrationResult,
    )
    flow_run_id: UUID
    run_input: dict[str, Any] | None = None
