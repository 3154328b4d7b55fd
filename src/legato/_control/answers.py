"""Verdicts in the form in which Prefect's clients know them."""

from __future__ import annotations

from typing import Any, assert_never
from uuid import UUID

from msgspec import structs

from legato._engine import rules
from legato._model.operations.flow_runs import OrchestrationResult
from legato._model.states import State, StateDetails


def of(
    verdict: rules.Verdict,
    state: State | None,
    *,
    flow_run_id: UUID | None,
    task_run_id: UUID | None,
) -> OrchestrationResult:
    """Return the answer to a proposal; `state` is what the run is in now.

    A flow run has the id of the task run that stands for it, a task run that of its flow run.
    """
    if state is not None:
        details = state.state_details or StateDetails()
        details = structs.replace(details, flow_run_id=flow_run_id, task_run_id=task_run_id)
        state = structs.replace(state, state_details=details)
    return _of(verdict, state)


def _of(verdict: rules.Verdict, state: State | None) -> OrchestrationResult:
    match verdict:
        case rules.Accept():
            details: dict[str, Any] = {"type": "accept_details"}
            return OrchestrationResult(state=state, status="ACCEPT", details=details)
        case rules.Reject():
            details = {"type": "reject_details", "reason": verdict.reason}
            return OrchestrationResult(state=state, status="REJECT", details=details)
        case rules.Wait():
            details = {
                "type": "wait_details",
                "delay_seconds": round(verdict.seconds),
                "reason": verdict.reason,
            }
            return OrchestrationResult(state=state, status="WAIT", details=details)
        case rules.Abort():
            details = {"type": "abort_details", "reason": verdict.reason}
            return OrchestrationResult(state=state, status="ABORT", details=details)
        case _:
            assert_never(verdict)
