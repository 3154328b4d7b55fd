"""The life of a flow run: created, prepared, running, perhaps retried, and an end.

Every transition is a proposal: the answer may be another state, a wait, or a stop.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import count
from typing import Any

from msgspec import Struct

from legato._engine import endings
from legato._engine.effects import (
    CALL,
    CREATE,
    PREPARE,
    RESOLVE,
    Draft,
    Effect,
    Found,
    Held,
    HookKind,
    Moved,
    Propose,
    Raised,
    Returned,
    RunHooks,
    Say,
    Settle,
    Sleep,
    Stopped,
)
from legato._engine.task_run import ERROR, HOOKS_AT, INFO
from legato._model import retries
from legato._model.retries import RetryPolicy
from legato._model.states import FAILED, RUNNING, SCHEDULED, State


class FlowPlan(Struct, frozen=True, kw_only=True):
    """What the engine must know of a flow; made once per flow."""

    retry: RetryPolicy = RetryPolicy()
    timeout: float | None = None
    hooks: frozenset[HookKind] = frozenset()


class FlowEnd(Struct):
    """How a flow run ended; `stopped` says why it may not go on, when it was stopped."""

    state: State | None
    draft: Draft
    stopped: str | None = None


Steps = Generator[Effect, Any, FlowEnd]


def flow_run(plan: FlowPlan) -> Steps:
    """Run a flow to its end."""
    created: bool | Found = yield CREATE
    if type(created) is Found:
        return FlowEnd(created.state, created.draft)
    blocked: Draft | None = (yield RESOLVE) if created else None
    if blocked is not None:
        return (yield from _end(plan, blocked))
    refused = yield PREPARE
    if refused is not None:
        return (yield from _end(plan, _of_refusal(plan, refused)))
    for failures in count(1):
        begun = yield from _propose(Draft(type=RUNNING))
        if begun.state is None or begun.state.type is not RUNNING:
            return begun
        if "on_running" in plan.hooks:
            yield RunHooks("on_running", begun.state)
        outcome = yield Settle((yield CALL))
        draft = endings.ending("Flow run", outcome, plan.timeout)
        final = yield from _final(plan, failures, draft)
        if final is not None:
            return (yield from _end(plan, final))
    raise AssertionError("retries have an end")


def _of_refusal(plan: FlowPlan, refused: Raised) -> Draft:
    draft = endings.of_exception("Flow run", refused, plan.timeout)
    if refused.cause == "error":
        text = endings.describe(refused.exception)
        draft.message = f"Validation of flow parameters failed with error: {text}"
    return draft


def _final(plan: FlowPlan, failures: int, draft: Draft) -> Generator[Effect, Any, Draft | None]:
    """Return the end of the run, or None after the wait for another try."""
    if draft.type is not FAILED:
        return draft
    delay = retries.delay_after(plan.retry, failures)
    if delay is None:
        return draft
    interrupted = yield from _await_retry(plan, failures, delay, draft)
    if interrupted is None:
        return None
    return endings.of_exception("Flow run", interrupted, plan.timeout)


def _end(plan: FlowPlan, draft: Draft) -> Steps:
    end = yield from _propose(draft)
    if end.state is None:
        return end
    kind = HOOKS_AT.get(end.state.type)
    if kind is not None and kind in plan.hooks:
        yield RunHooks(kind, end.state)
        yield Settle(Returned(None))  # what the hooks have submitted
    return end


def _await_retry(
    plan: FlowPlan, failures: int, delay: float, draft: Draft
) -> Generator[Effect, Any, Raised | None]:
    when = f"{delay:g} second(s) from now" if delay > 0 else "immediately"
    yield Say(INFO, f"{draft.message} - Retry {failures}/{plan.retry.retries} will start {when}")
    yield from _propose(Draft(type=SCHEDULED, name="AwaitingRetry", delay=delay))
    interrupted: Raised | None = yield Sleep(delay)
    return interrupted


def _propose(draft: Draft) -> Steps:
    """Propose until there is an answer other than "wait"."""
    while True:
        answer = yield Propose(draft)
        if type(answer) is Moved:
            return FlowEnd(answer.state, draft)
        if type(answer) is Stopped:
            yield Say(ERROR, f"The run stops: {answer.reason}")
            return FlowEnd(None, draft, stopped=answer.reason)
        if type(answer) is Held:
            yield Sleep(answer.seconds)
