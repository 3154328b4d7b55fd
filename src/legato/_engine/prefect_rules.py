"""Whether a flow run may enter a state that one of Prefect's clients proposes: its rule table.

Prefect's clients say neither who they are nor which attempt they are in, so nothing fences them;
these rules do as Prefect's own server does. The first verdict counts; without one the state is
accepted. `force` asks fewer rules.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from legato._engine.rules import Abort, Accept, Reject, Verdict, Wait
from legato._model.flow_runs import FlowRunPolicy
from legato._model.results import is_stored
from legato._model.states import DEFAULT_NAME, TERMINAL, State, StateDetails, StateType
from legato._model.states import StateType as T

_NONE = StateDetails()


class Standing(Struct, frozen=True, kw_only=True):
    """The state that a run is in, and how often it has been tried."""

    type: StateType | None
    name: str | None = None
    details: StateDetails = field(default_factory=StateDetails)
    run_count: int = 0
    has_result: bool = False
    """Whether a client said where the result is to be had."""

    @property
    def is_kept(self) -> bool:
        """Whether the run completed with a result that must not be lost."""
        return self.type is T.COMPLETED and self.has_result


class RunView(Standing, frozen=True, kw_only=True):
    """What the rules look at."""

    policy: FlowRunPolicy
    has_deployment: bool = False
    has_infrastructure: bool = False
    is_subflow: bool = False

    @property
    def is_suspended(self) -> bool:
        """Whether the process of a paused run has ended."""
        return self.type is T.PAUSED and self.details.pause_reschedule


Rule = Callable[[RunView, State, datetime], Verdict | None]
_MAY_FOLLOW_PAUSED = frozenset({T.RUNNING, T.SCHEDULED, T.CANCELLING, *TERMINAL})
_NOT_TO_PENDING = frozenset({T.PENDING, T.CANCELLING, T.RUNNING, T.CANCELLED})
NOT_AFTER_END = frozenset({T.CANCELLING, T.PAUSED, T.CRASHED})


def no_transition_twice(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Refuse a transition that was made already: its answer was lost on the way."""
    made, asked = run.details.transition_id, (proposed.state_details or _NONE).transition_id
    if asked is not None and made == asked:
        return Reject(None, "This run has already made this state transition.")
    return None


def leave_the_end(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Let a finished run begin again, but only with what there is something to do for."""
    if run.type is None or run.type not in TERMINAL:
        return None
    if proposed.type in NOT_AFTER_END:
        return Abort(f"Run is already in terminal state {run.type.value}.")
    if run.is_kept and proposed.type not in TERMINAL:
        return Reject(None, "Run is already COMPLETED.")
    lost = keep_the_result(run, proposed, now)
    if lost is not None:
        return lost
    if proposed.type is T.SCHEDULED and not run.has_deployment:
        return Abort("Cannot reschedule a run without an associated deployment.")
    return None


def keep_the_result(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Refuse to complete a run once more without the result that it has."""
    if run.is_kept and proposed.type is T.COMPLETED and not is_stored(proposed.data):
        reason = "The run is COMPLETED with a persisted result, which this state would lose."
        return Reject(None, reason)
    return None


def cancelling_ends_cancelled(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Let a run that is being cancelled only become Cancelled."""
    if run.type is T.CANCELLING and proposed.type is not T.CANCELLED:
        reason = "Cannot transition flows that are cancelling to a state other than Cancelled."
        return Reject(None, reason)
    return None


def cancel_what_does_not_run(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Cancel at once a run that no process works on."""
    if proposed.type is not T.CANCELLING or run.type not in {T.SCHEDULED, T.PAUSED}:
        return None
    if run.is_suspended:
        return Reject(instead(proposed, T.CANCELLED), "Suspended flow run has no infrastructure.")
    if run.type is T.SCHEDULED and (not run.has_infrastructure or run.name == "Resuming"):
        return Reject(instead(proposed, T.CANCELLED), "Scheduled flow run has no infrastructure.")
    return None


def pending_once(run: Standing, proposed: State, now: datetime) -> Verdict | None:
    """Let one worker take a run; the same one may say by the name how far it is."""
    if proposed.type is not T.PENDING or run.type is None or run.type not in _NOT_TO_PENDING:
        return None
    if run.type is T.PENDING and proposed.name not in {run.name, DEFAULT_NAME[T.PENDING]}:
        return None
    return Abort(
        f"This run is in a {run.type.value} state and cannot transition to a PENDING state."
    )


def late_once(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Only a scheduled run is late, and only once."""
    if proposed.type is not T.SCHEDULED or proposed.name != "Late":
        return None
    if run.type is T.SCHEDULED and run.name != "Late":
        return None
    return Reject(None, "This run is not scheduled, or is Late already.")


def pause_what_runs(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Pause a run that runs, each of its pauses once."""
    if proposed.type is not T.PAUSED:
        return None
    details = proposed.state_details or _NONE
    if run.type is None:
        return Abort("Cannot pause flows that have not started.")
    if run.type is not T.RUNNING:
        verb = "suspend" if details.pause_reschedule else "pause"
        reason = f"Cannot {verb} flows that are not running; this one is {run.type.value}."
        return Reject(None, reason)
    if details.pause_key is not None and details.pause_key in run.policy.pause_keys:
        return Reject(None, "This pause has already fired.")
    return _suspendable(run) if details.pause_reschedule else None


def _suspendable(run: RunView) -> Verdict | None:
    """Refuse to end the process of a run that nobody would start again."""
    if run.is_subflow:
        return Abort("Cannot suspend subflows.")
    if not run.has_deployment:
        return Abort("Cannot suspend flows without a deployment.")
    return None


def resume_in_time(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Resume a paused run until its pause times out."""
    if run.type is not T.PAUSED:
        return None
    if proposed.type not in _MAY_FOLLOW_PAUSED:
        paused, next_type = run.type.value, proposed.type.value
        return Reject(None, f"This run is {paused} and cannot transition to {next_type}.")
    if run.is_suspended and not run.has_deployment:
        return Reject(None, "Cannot reschedule a suspended flow run without a deployment.")
    timeout = run.details.pause_timeout
    if proposed.type is not T.CANCELLING and timeout is not None and timeout < now:
        what = "suspended" if run.is_suspended else "paused"
        message = f"The flow was {what} and never resumed."
        failed = replace(instead(proposed, T.FAILED), message=message, data=None)
        return Reject(failed, message)
    return None


def wait_for_scheduled_time(run: Standing, proposed: State, now: datetime) -> Verdict | None:
    """Hold a run back until the time that it is scheduled for."""
    due = run.details.scheduled_time
    waits = run.type in {T.SCHEDULED, T.PENDING} and proposed.type is T.RUNNING
    if waits and due is not None and due > now:
        return Wait((due - now).total_seconds(), "Scheduled time is in the future")
    return None


def retry_in_process(run: RunView, proposed: State, now: datetime) -> Verdict | None:
    """Have a run that failed wait for its next try, as long as it has one."""
    if run.type is not T.RUNNING or proposed.type is not T.FAILED:
        return None
    policy = run.policy
    retries = policy.retries if policy.retries is not None else policy.max_retries
    if run.run_count > retries:
        return None
    delay = policy.retry_delay if policy.retry_delay is not None else policy.retry_delay_seconds
    waiting = replace(
        instead(proposed, T.SCHEDULED),
        name="AwaitingRetry",
        message=proposed.message,
        state_details=StateDetails(
            scheduled_time=now + timedelta(seconds=delay),
            transition_id=(proposed.state_details or _NONE).transition_id,
        ),
    )
    return Reject(waiting, "Retrying")


RULES: tuple[Rule, ...] = (
    no_transition_twice,
    leave_the_end,
    cancelling_ends_cancelled,
    cancel_what_does_not_run,
    pending_once,
    late_once,
    pause_what_runs,
    resume_in_time,
    wait_for_scheduled_time,
    retry_in_process,
)
FORCED_RULES: tuple[Rule, ...] = (keep_the_result, cancel_what_does_not_run)


def decide(run: RunView, proposed: State, now: datetime, *, force: bool = False) -> Verdict:
    """Return the verdict on a proposed state; an accepted one may carry more details."""
    for rule in FORCED_RULES if force else RULES:
        verdict = rule(run, proposed, now)
        if verdict is not None:
            return verdict
    return Accept(proposed if force else carried(run, proposed))


def policy_after(run: RunView, entered: State) -> FlowRunPolicy:
    """Return the policy of a run that enters a state: what it remembers of pauses and retries."""
    policy, details = run.policy, entered.state_details or _NONE
    if run.type in TERMINAL and entered.type not in TERMINAL:
        again = "reschedule" if entered.type is T.SCHEDULED else None
        policy = replace(policy, resuming=False, pause_keys=[], retry_type=again)
    if entered.type is T.PAUSED and details.pause_key is not None:
        policy = replace(policy, pause_keys=[*policy.pause_keys, details.pause_key])
    if run.type is T.RUNNING and entered.name == "AwaitingRetry":
        return replace(policy, retry_type="in_process", pause_keys=[])
    if run.type is T.RUNNING and entered.type is T.FAILED:
        return replace(policy, retry_type=None)
    if run.type is T.PAUSED and entered.type is T.SCHEDULED:
        return replace(policy, resuming=True)
    return replace(policy, resuming=False) if entered.type is T.RUNNING else policy


def goes_on(run: RunView, entered: State) -> bool:
    """Tell whether a run that enters Running goes on with a try instead of beginning one."""
    paused = run.type is T.PAUSED or bool(run.policy.resuming)
    return entered.type is T.RUNNING and paused and run.run_count > 0


def carried(run: Standing, proposed: State) -> State:
    """Keep the scheduled time of a run that a worker takes."""
    due = run.details.scheduled_time
    if due is None or proposed.type is not T.PENDING or run.type not in {T.SCHEDULED, T.PENDING}:
        return proposed
    details = proposed.state_details or StateDetails()
    return replace(proposed, state_details=replace(details, scheduled_time=due))


def instead(proposed: State, kind: StateType) -> State:
    """Return a state of another type in the place of a proposed one."""
    return replace(proposed, type=kind, name=DEFAULT_NAME[kind])
