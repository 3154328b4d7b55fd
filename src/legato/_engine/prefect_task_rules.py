"""Whether a task run may enter a state that one of Prefect's clients proposes: its rule table.

Prefect's own engine decides about its tasks itself and does not ask here; older clients and
people do. Limits and caches are not looked at. `force` asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from legato._engine.prefect_rules import (
    NOT_AFTER_END,
    Standing,
    carried,
    instead,
    pending_once,
    wait_for_scheduled_time,
)
from legato._engine.rules import Abort, Accept, Reject, Verdict
from legato._model.retries import RetryPolicy, delay_after, jittered
from legato._model.states import TERMINAL, State, StateDetails
from legato._model.states import StateType as T


class TaskView(Standing, frozen=True, kw_only=True):
    """What the rules look at; `flow` is None for a task run outside of flows."""

    policy: RetryPolicy = RetryPolicy()
    flow_run_run_count: int = 0
    flow: Standing | None = None
    draw: float = 0.0
    """A random number in [0, 1), for what is spread."""

    @property
    def flow_goes_again(self) -> bool:
        """Whether the flow run has been tried again since this run last ran."""
        return self.flow is not None and self.flow_run_run_count < self.flow.run_count


Rule = Callable[[TaskView, State, datetime], Verdict | None]


def leave_the_end(run: TaskView, proposed: State, now: datetime) -> Verdict | None:
    """Let a finished run begin again unless its result is kept, but not be stopped."""
    if run.type is None or run.type not in TERMINAL:
        return None
    if proposed.type in NOT_AFTER_END:
        return Abort(f"Run is already {run.type.value}.")
    return Reject(None, "This run is already completed.") if run.is_kept else None


def run_in_what_runs(run: TaskView, proposed: State, now: datetime) -> Verdict | None:
    """Run tasks only while their flow run runs; those of a paused one are not ready."""
    if proposed.type is not T.RUNNING or run.flow is None or run.flow.type is T.RUNNING:
        return None
    if run.flow.type is not T.PAUSED:
        return Abort("The enclosing flow must be running to begin task execution.")
    paused = run.flow.details
    details = StateDetails(
        pause_timeout=paused.pause_timeout, pause_reschedule=paused.pause_reschedule
    )
    not_ready = replace(instead(proposed, T.PAUSED), name="NotReady", state_details=details)
    return Reject(not_ready, "The flow is paused, new tasks can execute after it is resumed.")


def retry(run: TaskView, proposed: State, now: datetime) -> Verdict | None:
    """Have a run that failed wait for its next try, as long as it has one."""
    details = proposed.state_details or StateDetails()
    if run.type is not T.RUNNING or proposed.type is not T.FAILED or details.retriable is False:
        return None
    delay = delay_after(run.policy, run.run_count)
    if delay is None:
        return None
    due = now + timedelta(seconds=jittered(delay, run.policy.jitter_factor, run.draw))
    waiting = replace(
        instead(proposed, T.SCHEDULED),
        name="AwaitingRetry",
        message=proposed.message,
        state_details=StateDetails(scheduled_time=due, transition_id=details.transition_id),
    )
    return Reject(waiting, "Retrying")


RULES: tuple[Rule, ...] = (leave_the_end, run_in_what_runs, wait_for_scheduled_time, retry)
DEFERRED_RULES: tuple[Rule, ...] = (pending_once, leave_the_end, wait_for_scheduled_time, retry)
"""For tasks that somebody else than a flow runs: whoever makes it Pending has taken it."""


def decide(run: TaskView, proposed: State, now: datetime, *, force: bool = False) -> Verdict:
    """Return the verdict on a proposed state; an accepted one may carry more details."""
    if force:
        return Accept(proposed)
    deferred = (proposed.state_details or StateDetails()).deferred
    for rule in DEFERRED_RULES if deferred else RULES:
        verdict = rule(run, proposed, now)
        if verdict is not None:
            return verdict
    return Accept(_renamed(run, carried(run, proposed)))


def begins_anew(run: TaskView, entered: State) -> bool:
    """Tell whether a run that ended is tried from the start, with all its retries."""
    return run.type in TERMINAL and entered.type not in TERMINAL


def _renamed(run: TaskView, proposed: State) -> State:
    """Say of a run that runs once more why it does."""
    if proposed.type is not T.RUNNING or run.type is None:
        return proposed
    if run.type in TERMINAL:
        return replace(proposed, name="Retrying") if run.flow_goes_again else proposed
    if run.run_count == 0:
        return proposed
    return replace(proposed, name="Retrying" if run.name == "AwaitingRetry" else "Rerunning")
