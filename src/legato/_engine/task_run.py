"""The life of a task run: Pending, Running, perhaps some retries, and an end."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from msgspec import Struct

from legato._engine import endings
from legato._engine.effects import (
    ACQUIRE,
    CALL,
    CREATE,
    DRAW,
    LOOKUP,
    RELEASE,
    RESOLVE,
    AskRetry,
    Draft,
    Effect,
    Enter,
    Found,
    HookKind,
    Raised,
    Returned,
    RollBack,
    RunHooks,
    Say,
    Sleep,
    Stage,
)
from legato._model import retries
from legato._model.retries import RetryPolicy
from legato._model.states import (
    CANCELLED,
    COMPLETED,
    CRASHED,
    FAILED,
    RUNNING,
    SCHEDULED,
    State,
    StateType,
)

INFO = 20
ERROR = 40

HOOKS_AT: dict[StateType, HookKind] = {
    COMPLETED: "on_completion",
    FAILED: "on_failure",
    CANCELLED: "on_cancellation",
    CRASHED: "on_crashed",
}


class TaskPlan(Struct, frozen=True, kw_only=True):
    """What the engine must know of a task; made once per task."""

    retry: RetryPolicy = RetryPolicy()
    timeout: float | None = None
    asks_condition: bool = False
    hooks: frozenset[HookKind] = frozenset()


def task_run(
    plan: TaskPlan, limited: bool = False, caches: bool | None = None
) -> Generator[Effect, Any, tuple[State, Draft]]:
    """Run a task to its end; return the final state and the draft that it was made from.

    `limited`: there may be limits on the run's tags, so each try waits for its slots. `caches`: the
    result is stored, so it may be there already.
    """
    created: bool | Found = yield CREATE
    while type(created) is Found:
        if created.draft.transacted:
            yield Stage(created.draft)
        if created.stands:
            return created.state, created.draft
        created = yield CREATE
    blocked: Draft | None = (yield RESOLVE) if created else None
    if blocked is not None:
        return (yield Enter(blocked)), blocked
    return (yield from _tries(plan, limited, caches))


def _tries(
    plan: TaskPlan, limited: bool, caches: bool | None
) -> Generator[Effect, Any, tuple[State, Draft]]:
    running = Draft(type=RUNNING)
    failures = 0
    while True:
        found: Returned | Raised | None = None
        outcome = (yield ACQUIRE) if limited else None
        if outcome is None:
            state = yield Enter(running)
            if "on_running" in plan.hooks:
                yield RunHooks("on_running", state)
            found = (yield LOOKUP) if caches else None
            outcome = found or (yield CALL)
        draft = endings.ending("Task run", outcome, plan.timeout)
        if found is not None and draft.type is COMPLETED:
            draft.name = "Cached"
        if draft.type is FAILED:
            failures += 1
            delay = yield from _retry(plan, failures, draft)
            if delay is not None:
                yield RollBack(retried=True)
                interrupted = yield from _pause(delay, limited)
                if interrupted is None:
                    running = Draft(type=RUNNING, name="Retrying")
                    continue
                draft = endings.of_exception("Task run", interrupted, plan.timeout)
        state = yield from _conclude(plan, draft, limited)
        return state, draft


def _conclude(plan: TaskPlan, draft: Draft, limited: bool) -> Generator[Effect, Any, State]:
    if draft.type is not COMPLETED:
        yield RollBack(retried=False)
    state: State = yield Enter(draft)
    if limited:
        yield RELEASE
    if draft.transacted:
        yield Stage(draft)
    kind = HOOKS_AT.get(state.type) if plan.hooks else None
    if kind is not None and kind in plan.hooks:
        yield RunHooks(kind, state)
    return state


def _retry(plan: TaskPlan, failures: int, draft: Draft) -> Generator[Effect, Any, float | None]:
    """Decide whether there is another try; return the seconds until then, or None."""
    delay = retries.delay_after(plan.retry, failures)
    what = "a failed state"
    if isinstance(draft.data, Exception):
        what = f"exception: {endings.shown(draft.data)}{endings.place(draft.data)}"
    if draft.name == "TimedOut":
        what = f"a timeout: {draft.message}"
    if plan.retry.retries == 0:
        yield Say(ERROR, f"Task run failed with {what}")
        return None
    if delay is not None and plan.asks_condition and not (yield AskRetry(draft)):
        yield Say(ERROR, f"Task run failed with {what} - the retry condition says no")
        return None
    if delay is None:
        yield Say(ERROR, f"Task run failed with {what} - Retries are exhausted")
        return None
    if plan.retry.jitter_factor:
        delay = retries.jittered(delay, plan.retry.jitter_factor, (yield DRAW))
    when = f"{delay:g} second(s) from now" if delay > 0 else "immediately"
    count = f"{failures}/{plan.retry.retries}"
    yield Say(INFO, f"Task run failed with {what} - Retry {count} will start {when}")
    return delay


def _pause(delay: float, limited: bool) -> Generator[Effect, Any, Raised | None]:
    """Wait for the next try; meanwhile others may have the slots."""
    if delay > 0:
        yield Enter(Draft(type=SCHEDULED, name="AwaitingRetry", delay=delay))
    if limited:
        yield RELEASE
    if delay <= 0:
        return None
    interrupted: Raised | None = yield Sleep(delay)
    return interrupted
