"""What a flow run comes to when a timer of its state has run out."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from legato._model import timers
from legato._model.states import State, StateDetails, StateType

_NEVER_RESUMED = "The flow was {} and never resumed."
_NOT_CANCELLED = "The flow run was to be cancelled and nobody reported that it had ended."


def outcome(run_id: UUID, version: int, state: State, kind: str, now: datetime) -> State | None:
    """Return the state that follows `state`, the run's `version`; None: the timer is void."""
    details = state.state_details or StateDetails()
    match kind, state.type:
        case timers.LATE, StateType.SCHEDULED if state.name == "Scheduled":
            type_, name, message = StateType.SCHEDULED, "Late", None
        case timers.PAUSE, StateType.PAUSED:
            what = "suspended" if details.pause_reschedule else "paused"
            type_, name, message = StateType.FAILED, "Failed", _NEVER_RESUMED.format(what)
        case timers.CANCEL, StateType.CANCELLING:
            type_, name, message = StateType.CANCELLED, "Cancelled", _NOT_CANCELLED
        case _:
            return None
    late = kind == timers.LATE
    return State(
        id=uuid5(run_id, f"{kind} after {version}"),
        type=type_,
        name=name,
        timestamp=max(now, state.timestamp + timedelta(microseconds=1)),
        message=message,
        state_details=StateDetails(scheduled_time=details.scheduled_time) if late else None,
    )
