"""Timers: what a state will come to unless the run leaves it first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from legato._model.states import State, StateType

LATE = "late"
"""A run that is scheduled and has not started."""
PAUSE = "pause"
"""A paused run that nobody resumes."""
CANCEL = "cancel"
"""A run that is being cancelled, by whoever runs it."""
CANCEL_AFTER = timedelta(minutes=5)


class Timer(NamedTuple):
    """When a state comes to an end by itself, and as what."""

    kind: str
    due_at: datetime


class DueTimer(Struct, frozen=True):
    """A timer of a run whose time has come; `version` is that of the state that set it."""

    id: UUID
    kind: str
    subject: UUID
    version: int
    due_at: datetime


def set_by(state: State) -> Timer | None:
    """Return the timer that a state of a flow run sets.

    It is not taken back when the run goes on: the version of the run tells that it is void.
    """
    if state.type is StateType.CANCELLING:
        return Timer(CANCEL, state.timestamp + CANCEL_AFTER)
    details = state.state_details
    if details is None:
        return None
    if state.type is StateType.SCHEDULED and state.name == "Scheduled":
        return _timer(LATE, details.scheduled_time)
    if state.type is StateType.PAUSED:
        return _timer(PAUSE, details.pause_timeout)
    return None


def _timer(kind: str, due_at: datetime | None) -> Timer | None:
    return None if due_at is None else Timer(kind, due_at)
