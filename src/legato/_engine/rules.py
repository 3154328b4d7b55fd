"""Whether a flow run may enter a proposed state: rules as data, each a small function.

A rule sees the run as it stands and the state that is proposed, and answers with a verdict or
with None, "nothing to say". The first verdict counts; without one the table of transitions
decides. To add a rule, write a function and put it into `FLOW_RUN_RULES` where its turn is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from legato._model import transitions
from legato._model.flow_runs import FlowRunPolicy
from legato._model.states import (
    CANCELLED,
    CANCELLING,
    CRASHED,
    PAUSED,
    RUNNING,
    SCHEDULED,
    TERMINAL,
    State,
    StateType,
)


class RunView(Struct, frozen=True, kw_only=True):
    """What the rules look at."""

    state_type: StateType | None
    state_name: str | None = None
    run_count: int = 0
    scheduled_time: datetime | None = None
    policy: FlowRunPolicy
    has_deployment: bool = False


class Accept(Struct, frozen=True):
    """Store the proposed state."""

    state: State


class Reject(Struct, frozen=True):
    """Store `state` instead, or keep what there is (None)."""

    state: State | None
    reason: str


class Wait(Struct, frozen=True):
    """Propose again after `seconds`."""

    seconds: float
    reason: str


class Abort(Struct, frozen=True):
    """The run may not enter this state; stop."""

    reason: str


Verdict = Accept | Reject | Wait | Abort
Rule = Callable[[RunView, State, datetime], Verdict | None]


def terminal_is_final(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Keep a terminal state for the rest of the attempt."""
    if run.state_type is not None and run.state_type in TERMINAL:
        return Abort(f"Run is already in terminal state {run.state_type.value}.")
    return None


def cancelling_ends_cancelled(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Let a run that is being cancelled only become Cancelled, however it ends."""
    if run.state_type is not CANCELLING:
        return None
    instead = replace(proposed, type=CANCELLED, name="Cancelled")
    if proposed.type is CRASHED:
        return Accept(instead)
    if transitions.is_legal(transitions.FLOW_RUN, CANCELLING, proposed.type):
        return None
    reason = "Cannot transition flows that are cancelling to a state other than Cancelled."
    return Reject(instead if proposed.type in TERMINAL else None, reason)


def wait_for_scheduled_time(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Hold a run back until the time that it is scheduled for."""
    due = run.scheduled_time
    starts = proposed.type is RUNNING
    if starts and due is not None and due > now and run.state_type is SCHEDULED:
        return Wait((due - now).total_seconds(), "Scheduled time is in the future")
    return None


def pause_once(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Pass a pause that has fired already."""
    details = proposed.state_details
    key = details.pause_key if details is not None else None
    if proposed.type is PAUSED and key is not None and key in run.policy.pause_keys:
        return Reject(None, "This pause has already fired.")
    return None


FLOW_RUN_RULES: tuple[Rule, ...] = (
    terminal_is_final,
    cancelling_ends_cancelled,
    wait_for_scheduled_time,
    pause_once,
)


def decide(run: RunView, proposed: State, now: datetime) -> Verdict:
    """Return the verdict on a flow run's proposal (native lane)."""
    for rule in FLOW_RUN_RULES:
        verdict = rule(run, proposed, now)
        if verdict is not None:
            return verdict
    if transitions.is_legal(transitions.FLOW_RUN, run.state_type, proposed.type):
        return Accept(proposed)
    now_in = run.state_type
    before = "that does not exist yet" if now_in is None else f"in state {now_in.value}"
    return Abort(f"A run {before} cannot enter {proposed.type.value}.")
