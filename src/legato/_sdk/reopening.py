"""A flow run that goes on: under the next attempt, with what the earlier ones have finished."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft, Found
from legato._engine.endings import describe
from legato._model.errors import ObjectNotFound
from legato._model.operations.attempts import ListAttempts, ListSteps, OpenAttempt
from legato._model.operations.flow_runs import ReadFlowRun
from legato._model.states import StateDetails, StateType
from legato._model.transitions import ROLLED_BACK
from legato._sdk import durable_steps, environment, plain_results, project_files, run_logs
from legato._sdk.context import transacting
from legato._sdk.replay import Changed, Replay
from legato._sdk.signature import underlying
from legato._sdk.stamping import stamped
from legato._sdk.step_keys import Ordinals
from legato._store.faults import failpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from legato._model.attempts import Step
    from legato._model.flow_runs import FlowRun
    from legato._model.records import FlowRunProposed
    from legato._model.task_runs import TaskRunCreate
    from legato._sdk.context import FlowRunContext
    from legato._sdk.flow import Flow
    from legato._sdk.flow_execution import FlowExecution

SHOWN = 10


def entrypoint_of(flow: Flow[Any, Any]) -> str | None:
    """Return `FILE:FUNCTION` of a flow; None where there is no file, as in a notebook."""
    function = underlying(flow.fn)
    if function is None:
        return None
    path = function.__code__.co_filename
    if not os.path.isfile(path):
        return None
    return f"{os.path.abspath(path)}:{function.__name__}"


def keep_for_resume(run: FlowExecution, proposed: FlowRunProposed) -> None:
    """Have a durable run recorded with what only a resume needs."""
    proposed.run.parameters_id = _keep_parameters(run)
    if run.enclosing is None or not run.enclosing.durable:
        proposed.code_files = project_files.of(run.flow)


def _keep_parameters(run: FlowExecution) -> UUID | None:
    """Store the parameters of a durable run if JSON would not give them back; return the id.

    Without those that cannot be stored: the run can be resumed by who has them.
    """
    given = run.context.parameters
    if plain_results.encoded(given) is not None:
        return None
    from legato._sdk import results
    from legato._sdk.private_values import holds_secret
    from legato._sdk.serializers import PickleSerializer

    serializer = PickleSerializer()
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if holds_secret(value):
            continue
        try:
            serializer.dumps(value)
        except Exception as error:  # noqa: BLE001 - classes of the user
            message = f"The parameter {name!r} cannot be stored for a resume. {describe(error)}"
            run_logs.say(run.context, run_logs.WARNING, message)
        else:
            kept[name] = value
    return results.put(run.context, kept, serializer)


def is_durable(run: FlowExecution) -> bool:
    """Tell whether each finished step is to be committed before the flow goes on."""
    given = run.flow.options.durable
    enclosing = run.enclosing
    if given is None:
        return enclosing is not None and enclosing.durable
    return bool(given)


def commits_here(run: FlowExecution) -> bool:
    """Tell whether a step counts as committed that this machine has on disk."""
    given, enclosing = run.flow.options.durable, run.enclosing
    if given is None:
        return enclosing is not None and enclosing.commits_here
    return given == "local"


def reopen(
    run: FlowExecution,
    flow_run_id: UUID,
    parent: TaskRunCreate | None = None,
    before: Sequence[UUID] = (),
) -> None:
    """Open the next attempt of a flow run and have `run` be that; raises Conflict.

    `parent` stands for a subflow's run in the new attempt of its parent; `before` are runs of the
    same subflow that were finished, but whose result is not there.
    """
    backend, context = run.backend, run.context
    record: FlowRun = backend.send(ReadFlowRun(flow_run_id=flow_run_id))
    attempts = backend.send(ListAttempts(flow_run_id=flow_run_id))
    state = stamped(_resuming(), record.state, backend.clock, backend.ids)
    state.state_details = StateDetails(scheduled_time=state.timestamp)
    if parent is not None:
        parent.state = stamped(_resuming(), None, backend.clock, backend.ids)
    failpoint("attempt.before_open")
    opened = backend.send(
        OpenAttempt(
            flow_run_id=flow_run_id,
            number=attempts[-1].number + 1 if attempts else 1,
            state=state,
            writer=backend.identity(),
            code_version=run.flow.version,
            code_files=project_files.of(run.flow) if parent is None else None,
            environment=environment.to_tell(backend),
            parent=parent,
            parent_epoch=run.enclosing.epoch if run.enclosing is not None else 0,
        )
    )
    failpoint("attempt.after_open")
    backend.journal.own(flow_run_id)
    context.id, context.name, context.flow_id = record.id, record.name, record.flow_id
    context.root_id = record.root_flow_run_id or record.id
    context.epoch, context.version, context.state = opened.number, opened.version, opened.state
    context.progress = type(context.progress)(
        record.run_count, record.start_time, None, record.total_run_time.total_seconds()
    )
    if parent is not None:
        context.parent_task_run_id = parent.id
    replay(run, before)


def _resuming() -> Draft:
    return Draft(type=StateType.SCHEDULED, name="Resuming", delay=0.0)


def replay(run: FlowExecution, before: Sequence[UUID] = ()) -> None:
    """Find the finished steps of the run, for the tries that come now."""
    context = run.context
    steps: list[Step] = []
    for flow_run_id in (*before, context.id):
        steps += run.backend.send(ListSteps(flow_run_id=flow_run_id))
    failpoint("replay.listed")
    context.replay = Replay(steps, run.flow.options.on_replay_change or "rerun")
    context.ordinals = Ordinals()
    if len(context.replay):
        count = len(context.replay)
        message = f"{count} finished step{'s' if count > 1 else ''} will not run again"
        run_logs.say(context, run_logs.INFO, message)


def say_unclaimed(context: FlowRunContext) -> None:
    """Name the steps that were finished before and that the code, as it is now, has left behind."""
    left = context.replay.unclaimed() if context.replay is not None else []
    if left:
        names = ", ".join(step.name for step in left[:SHOWN])
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        steps = "step was" if len(left) == 1 else "steps were"
        message = f"{len(left)} finished {steps} not asked for any more: {names}{more}"
        run_logs.say(context, run_logs.WARNING, message)


def subflow(run: FlowExecution, key: str, parent: TaskRunCreate) -> Found | None:
    """Find a subflow again: return its end, or go on with it where it has begun."""
    enclosing = run.enclosing
    if enclosing is None or enclosing.replay is None:
        return None
    if enclosing.replay.copies:
        from legato._sdk import rerun_steps

        return rerun_steps.subflow(run, key, parent)
    step, key = _called_before(run, enclosing, enclosing.replay, key)
    begun = enclosing.replay.children(key)
    runs = [one.child_flow_run_id for one in begun if one.child_flow_run_id is not None]
    runs = list(dict.fromkeys(runs))
    is_open = transacting.get() is not None and any(_is_open(run, one) for one in runs)
    if step is not None and not is_open:
        found = durable_steps.ended(enclosing, step)
        if found is not None:
            run.context.parent_task_run_id = step.task_run_id
            if step.child_flow_run_id is not None:
                run.context.id = step.child_flow_run_id
            enclosing.lineage.remember(found.draft.data, step.task_run_id)
            return found
    if runs and not begun[-1].is_finished and _goes_on(run, runs[-1]):
        reopen(run, runs[-1], parent, runs[:-1])
    elif runs:  # its result cannot be had, or its tasks are in an open transaction:
        replay(run, runs)  # another run, of the same steps
    return None


def _called_before(
    run: FlowExecution, enclosing: FlowRunContext, replay: Replay, key: str
) -> tuple[Step | None, str]:
    """Return the finished step that a call of a subflow stands for, if any, and its key before.

    A call is that of an earlier attempt, too, if its arguments differ by the time of the call only.
    """
    given = run.context.parameters
    step = replay.take(key, durable_steps.is_in_order(enclosing, key))
    if isinstance(step, Changed):
        step = durable_steps.same(step, replay, given, enclosing)
    elif step is None and not replay.children(key):
        left = replay.left_in_place(key)
        if left is not None and durable_steps.is_same_call(left, given, enclosing):
            key = left.step_key
    return step, key if step is None else step.step_key


def _goes_on(run: FlowExecution, flow_run_id: UUID) -> bool:
    """Tell whether a subflow's run can be opened again: not if it was resumed by itself."""
    try:
        record: FlowRun = run.backend.send(ReadFlowRun(flow_run_id=flow_run_id))
    except ObjectNotFound:  # it was deleted
        return False
    return record.state is None or record.state.type is not StateType.COMPLETED


def _is_open(run: FlowExecution, flow_run_id: UUID) -> bool:
    """Tell whether tasks of a subflow were not committed together with what is around it."""
    steps = run.backend.send(ListSteps(flow_run_id=flow_run_id))
    inner = [step.child_flow_run_id for step in steps if step.child_flow_run_id is not None]
    tasks = (step for step in steps if step.child_flow_run_id is None)
    return any(_was_left(step) for step in tasks) or any(_is_open(run, one) for one in inner)


def _was_left(step: Step) -> bool:
    return step.is_open or step.state.name == ROLLED_BACK
