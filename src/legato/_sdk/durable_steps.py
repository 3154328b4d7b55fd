"""Steps of durable runs: found again after a crash, kept with their results, committed at once."""

from __future__ import annotations

import sys
from threading import get_ident
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from legato._engine.effects import Draft, Found
from legato._engine.endings import describe
from legato._model.errors import ServerAway
from legato._model.results import ROW_LIMIT, ResultReference
from legato._model.states import DEFAULT_NAME, StateType
from legato._model.transitions import OF_TRANSACTIONS
from legato._sdk import plain_results, run_logs, step_keys, stored_results, waits
from legato._sdk.context import transacting
from legato._sdk.exceptions import CorruptResult, NotStored, StepNotCommitted, StorageError
from legato._sdk.moments import Span, are_times
from legato._sdk.replay import Changed, has_fingerprint, has_label
from legato._store.faults import failpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from legato._backend.port import Backend
    from legato._model.attempts import Step
    from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext
    from legato._sdk.flow import Flow
    from legato._sdk.replay import Replay
    from legato._sdk.task import Task

UNORDERED = (
    "{} runs again: its arguments are no JSON, and it is called from another thread, coroutine or"
    " task than the flow's own, so its calls have no order. step_key= tells them apart:"
    ' task.with_options(step_key="...").'
)
AWAY_SECONDS = 0.5
_warned: set[str] = set()


def here() -> object:
    """Return the thread and the asyncio task that the caller runs in."""
    asyncio = sys.modules.get("asyncio")
    task = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
    return get_ident(), id(task)


def find(context: TaskRunContext, flow: FlowRunContext, replay: Replay) -> Found | None:
    """Return the end of the step that a call stands for, if an earlier attempt finished it.

    The context becomes that of the finished task run. A call without a fingerprint that comes
    from elsewhere than the flow's own code has no place in the order of calls: it runs again,
    unless `step_key=` names it.
    """
    if replay.copies:
        from legato._sdk import rerun_steps

        return rerun_steps.find(context, flow, replay)
    key = context.step_key
    in_order = is_in_order(flow, key)
    if not (in_order or has_fingerprint(key)):
        if replay.unordered(key):
            run_logs.say(flow, run_logs.WARNING, UNORDERED.format(context.task.name))
        return None
    step = replay.take(key, in_order)
    if isinstance(step, Changed):
        step = same(step, replay, context.parameters, flow)
        if step is None:
            return None
    found = None if step is None else ended(flow, step)
    step = step or replay.left(key)
    return None if step is None else _claimed(context, flow, step, found)


def _claimed(
    context: TaskRunContext, flow: FlowRunContext, step: Step, found: Found | None
) -> Found | None:
    """Have the context be that of a step; say how it ended, if it does not just run again."""
    task = context.task
    if found is not None:
        flow.lineage.remember(found.draft.data, step.task_run_id)
    elif step.is_open and task.on_rollback_hooks:  # it runs again, once what it did is undone
        found = Found(step.state, Draft(type=StateType.COMPLETED), stands=False)
    else:
        return None
    hooks = task.on_rollback_hooks or task.on_commit_hooks
    found.draft.transacted = step.is_open and bool(hooks or transacting.get() is not None)
    context.id, context.state, context.version = step.task_run_id, step.state, step.version
    failpoint("replay.claimed")
    return found


def is_in_order(flow: FlowRunContext, key: str) -> bool:
    """Tell whether a call has a place among those like it: by its label, or in the flow's code."""
    return has_label(key) or ("/" not in key and here() == flow.home)


def ended(flow: FlowRunContext, step: Step) -> Found | None:
    """Return the end of a finished step with its value; None if that cannot be had any more.

    Raises StorageError where it may be had later: what was finished is not done again for that.
    """
    try:
        value = _value_of(step)
    except Exception as error:
        if isinstance(error, StorageError) and not isinstance(error, NotStored | CorruptResult):
            error.add_note(f"The step {step.name} is finished; resume when that can be read.")
            raise
        message = f"{step.name} runs again: its result cannot be read. {describe(error)}"
        run_logs.say(flow, run_logs.WARNING, message)
        return None
    state = step.state
    if state.name in OF_TRANSACTIONS:  # when it was called, it was just Completed
        state = replace(state, name=DEFAULT_NAME[state.type], message=None)
    draft = Draft(type=state.type, name=state.name, message=state.message, data=value)
    return Found(state, draft)


def _value_of(step: Step) -> Any:
    if step.result_body is not None:
        return plain_results.decoded(step.result_body)
    assert step.result_id is not None  # noqa: S101 - without one it is no finished step
    return stored_results.value_of(ResultReference(step.result_id))


def same(
    changed: Changed, replay: Replay, now: Mapping[str, Any], flow: FlowRunContext
) -> Step | None:
    """Return the step if the call differs only in its time; else say what differs."""
    step = changed.step
    if is_same_call(step, now, flow):
        return replay.claim(changed)
    before, names = _compared(step, now)
    differing = [f"{name} was {before[name]!r}, now {now[name]!r}" for name in names]
    what = "; ".join(differing) or "other inputs than before"
    message = (
        f"{step.name} runs again, as it is called with other inputs: {what}."
        " (on_replay_change='reuse' takes the result that is there.)"
    )
    run_logs.say(flow, run_logs.WARNING, message)
    return None


def is_same_call(step: Step, now: Mapping[str, Any], flow: FlowRunContext) -> bool:
    """Tell whether all arguments that differ from those of a step are the times of the calls."""
    before, names = _compared(step, now)
    if not names or before.keys() != now.keys():
        return False
    began, resumed = flow.progress.start_time, flow.state
    assert began is not None  # noqa: S101 - the flow is running
    assert resumed is not None  # noqa: S101 - as above
    then = Span(began, step.state.timestamp)
    return are_times(names, before, then, now, Span(resumed.timestamp, flow.backend.clock.now()))


def _compared(step: Step, now: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments that a step was called with, and which of them differ now."""
    before = _json(None if step.arguments is None else step.arguments.encode())
    after = _json(step_keys.canonical(now))
    return before, [name for name in after if name in before and before[name] != after[name]]


def _json(text: bytes | None) -> dict[str, Any]:
    return {} if text is None else plain_results.decoded(text)


def arguments_of(
    decorated: Flow[Any, Any] | Task[Any, Any], given: Mapping[str, Any], flow: FlowRunContext
) -> str | None:
    """Return the arguments of a step as JSON, if they have that form and are short.

    None if one of them is not to be written, or the step will run again in any case.
    """
    text = step_keys.canonical(given)
    if text is None or len(text) > 4 * ROW_LIMIT or _is_kept_back(decorated):
        return None
    hidden = flow.lineage.kept_back
    return None if hidden is not None and hidden.is_in(text) else text.decode()


def _is_kept_back(decorated: Flow[Any, Any] | Task[Any, Any]) -> bool:
    return decorated.options.persist_result is False


def keep_back(flow: FlowRunContext, task: Task[Any, Any], value: Any) -> None:
    """Note what a step of a durable run returned, if it must not be seen in arguments either."""
    if flow.durable and _is_kept_back(task):
        from legato._sdk.private_values import KeptBack

        lineage = flow.lineage
        lineage.kept_back = lineage.kept_back or KeptBack()
        lineage.kept_back.add(value)


def kept(
    task: Task[Any, Any], context: TaskRunContext, flow: FlowRunContext, value: Any
) -> tuple[UUID | None, bytes | None]:
    """Keep the result of a durable step; what cannot be kept makes the step run again."""
    if _is_kept_back(task):
        keep_back(flow, task, value)
        return None, None
    if task.isgenerator:  # its items are not there any more
        return None, None
    result_id, body = plain_results.kept(flow.backend, context.id, flow, value)
    return (result_id, body) if result_id is not None else (_stored(task, context, value), None)


def of_flow(flow: Flow[Any, Any], context: FlowRunContext, value: Any) -> UUID | None:
    """Keep what a durable flow returned; return the result's id."""
    if _is_kept_back(flow):
        return None
    result_id = plain_results.of_flow(context.backend, context, value)
    return result_id or _stored(flow, context, value)


def _stored(
    decorated: Flow[Any, Any] | Task[Any, Any], context: RunContext, value: Any
) -> UUID | None:
    from legato._sdk import private_values, results

    if private_values.holds_secret(value):
        return None
    try:
        return results.store(decorated, context, value)
    except Exception as error:  # noqa: BLE001 - serializers and classes of the user
        if decorated.step_name not in _warned:
            _warned.add(decorated.step_name)
            message = f"{context.name} runs again on resume: {describe(error)}"
            run_logs.say(context, run_logs.WARNING, message)
        return None


def _waited(backend: Backend, context: TaskRunContext, failure: Exception) -> Exception | None:
    """Return what keeps steps from being committed once the server answers, if anything does."""
    message = f"The durable step {context.name} is done; its commit waits for the server. {failure}"
    run_logs.say(context, run_logs.WARNING, message)
    left: Exception | None = failure
    while isinstance(left, ServerAway):
        waits.sleep(AWAY_SECONDS)
        backend.journal.flush(acked=True)
        left = backend.journal.failure
    return left


def commit(backend: Backend, context: TaskRunContext) -> None:
    """Wait until the end of a step survives a power cut; raise StepNotCommitted if it cannot.

    It is raised, too, if the run is somebody else's by now: no further step is done here then.
    A server that does not answer is waited for, however long it takes: what follows could be done
    a second time elsewhere. With `durable="local"` the disk of this machine is enough.
    """
    failpoint("step.before_commit")
    flow = context.flow_run_context
    if flow is not None and backend.journal.keep_ahead(flow.id, flow.epoch):
        failpoint("step.after_commit")
        return
    backend.journal.flush(acked=True)
    failpoint("step.after_commit")
    failure = getattr(backend.journal, "failure", None)
    may_be_here = failure is not None and flow is not None and flow.commits_here
    if may_be_here and backend.journal.keep_here():
        return
    if isinstance(failure, ServerAway):
        failure = _waited(backend, context, failure)
    if failure is not None and context.state is not None:
        raise StepNotCommitted(
            f"The durable step {context.name} is done, but that could not be committed:"
            f" {describe(failure)}"
        )
    reason = None if flow is None else backend.journal.fenced(flow.id)
    if reason is not None:  # somebody else has taken the run up, and does the next step
        raise StepNotCommitted(f"The durable step {context.name} does not count: {reason}")
