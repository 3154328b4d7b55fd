"""State types and names, and the state of a run at one moment."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from msgspec import Struct


class StateType(str, Enum):
    """What a state means to the rules; names are for people."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"


# to look a member up in its class takes Python 3.11 as long as ten calls of `is`
SCHEDULED: Final = StateType.SCHEDULED
PENDING: Final = StateType.PENDING
RUNNING: Final = StateType.RUNNING
PAUSED: Final = StateType.PAUSED
CANCELLING: Final = StateType.CANCELLING
COMPLETED: Final = StateType.COMPLETED
FAILED: Final = StateType.FAILED
CANCELLED: Final = StateType.CANCELLED
CRASHED: Final = StateType.CRASHED

TERMINAL = frozenset({COMPLETED, FAILED, CANCELLED, CRASHED})

# name -> type, for every name that the engine or the rules give; users may invent more
NAMES: dict[str, StateType] = {
    "Scheduled": StateType.SCHEDULED,
    "Late": StateType.SCHEDULED,
    "AwaitingRetry": StateType.SCHEDULED,
    "AwaitingConcurrencySlot": StateType.SCHEDULED,
    "Resuming": StateType.SCHEDULED,
    "Pending": StateType.PENDING,
    "Submitting": StateType.PENDING,
    "InfrastructurePending": StateType.PENDING,
    "NotReady": StateType.PENDING,
    "Running": StateType.RUNNING,
    "Retrying": StateType.RUNNING,
    "Rerunning": StateType.RUNNING,
    "Paused": StateType.PAUSED,
    "Suspended": StateType.PAUSED,
    "Cancelling": StateType.CANCELLING,
    "Completed": StateType.COMPLETED,
    "Cached": StateType.COMPLETED,
    "MarkedSucceeded": StateType.COMPLETED,
    "Committing": StateType.COMPLETED,
    "Committed": StateType.COMPLETED,
    "RollingBack": StateType.COMPLETED,
    "RolledBack": StateType.COMPLETED,
    "Failed": StateType.FAILED,
    "TimedOut": StateType.FAILED,
    "Cancelled": StateType.CANCELLED,
    "Crashed": StateType.CRASHED,
}

DEFAULT_NAME: dict[StateType, str] = {t: t.value.capitalize() for t in StateType}


class StateDetails(Struct, omit_defaults=True, kw_only=True):
    """What belongs to a state besides its type, name and message."""

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    deferred: bool = False
    untrackable_result: bool = False
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: UUID | None = None
    task_parameters_id: UUID | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: UUID | None = None


class State(Struct, kw_only=True):
    """The state of a run at `timestamp` (UTC, microseconds).

    `data` is the value or exception in the process that made the state; elsewhere it is None or
    a description of where the result is stored.
    """

    id: UUID
    type: StateType
    name: str
    timestamp: datetime
    message: str | None = None
    state_details: StateDetails | None = None
    data: Any = None


def is_terminal(state_type: StateType) -> bool:
    """Tell whether nothing follows within the attempt."""
    return state_type in TERMINAL
