"""Steps of a run that does another one again: found there, and recorded here with their results.

A reused step is a task run of the new flow run, Completed under the name Cached. It has a result
of its own, so that nothing is missing when the earlier run is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from legato._engine.effects import Draft, Found
from legato._engine.endings import describe
from legato._model.attempts import REUSED_FROM
from legato._model.operations.results import ReadResult
from legato._model.progress import START, advance
from legato._model.records import ResultKept, TaskRunCreated, TaskRunMoved
from legato._model.results import NONE_RETURNED, Result
from legato._model.states import StateType
from legato._sdk import durable_steps, plain_results, run_logs, stored_results
from legato._sdk.replay import Changed, Replay, has_fingerprint
from legato._sdk.rerun_plan import Plan
from legato._sdk.stamping import stamped
from legato._sdk.step_keys import is_of_hook

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._model.attempts import Step
    from legato._model.task_runs import TaskRunCreate
    from legato._sdk.context import FlowRunContext, TaskRunContext
    from legato._sdk.flow_execution import FlowExecution
    from legato._sdk.task_execution import TaskExecution


class Reused(Found, kw_only=True):
    """The end of a step of an earlier run, and the result as it is stored there."""

    step: Step
    stored: Result | None


class Course(Struct):
    """What the runs of a tree have in common; `left` says that they do other than before."""

    plan: Plan
    reused: frozenset[UUID]
    origins: dict[UUID, UUID] = {}
    left: bool = False


class Rerun(Replay):
    """The steps of an earlier run that stand for calls of this one."""

    copies = True

    def __init__(self, course: Course, flow_run_id: UUID) -> None:
        run = course.plan.runs[flow_run_id]
        super().__init__([replace(step, step_key=key) for key, step in run.steps.items()])
        self.flow_run_id, self.course = flow_run_id, course
        self.origins = course.origins
        self._known = frozenset(run.steps)
        for key, step in run.steps.items():
            if course.plan.why[step.task_run_id]:
                self._finished.pop(key, None)

    def find(self, flow: FlowRunContext, key: str, name: str) -> Reused | None:
        """Return the end of the step that a call stands for, if it is to be reused."""
        in_order = durable_steps.is_in_order(flow, key)
        if is_of_hook(key):
            return None
        if not has_fingerprint(key) and (self.course.left or not in_order):
            return None
        step = self.take(key, in_order)
        if isinstance(step, Changed):
            message = f"{name} runs again, as it is called with other inputs"
            run_logs.say(flow, run_logs.INFO, message)
        if step is None or isinstance(step, Changed):
            self.course.left = self.course.left or key not in self._known
            return None
        try:
            value, stored = _read(flow.backend, step)
        except Exception as error:  # noqa: BLE001 - serializers and classes of the user
            message = f"{name} runs again: its result cannot be read. {describe(error)}"
            run_logs.say(flow, run_logs.WARNING, message)
            self.course.left = True
            return None
        message = f"Reused from task run {step.origin}"
        draft = Draft(type=StateType.COMPLETED, name="Cached", message=message, data=value)
        return Reused(step.state, draft, step=step, stored=stored)

    def __len__(self) -> int:
        return len(self.unclaimed())

    def unclaimed(self) -> list[Step]:
        """Return the steps that were to be reused and that no call has asked for, so far."""
        return [step for step in super().unclaimed() if step.task_run_id in self.course.reused]

    def below(self, key: str) -> Rerun | None:
        """Return the steps of the subflow's run of that key, if there was one."""
        found = [step.child_flow_run_id for step in self.children(key)]
        run_id = found[-1] if found else None
        if run_id is None or run_id not in self.course.plan.runs:
            return None
        return Rerun(self.course, run_id)


def _read(backend: Backend, step: Step) -> tuple[Any, Result | None]:
    if step.result_body is not None:
        return plain_results.decoded(step.result_body), None
    assert step.result_id is not None  # noqa: S101 - without one it is no finished step
    if step.result_id == NONE_RETURNED:
        return None, None
    stored: Result = backend.send(ReadResult(result_id=step.result_id))
    return stored_results.load(stored), stored


def find(context: TaskRunContext, flow: FlowRunContext, replay: Replay) -> Found | None:
    """Return the end of the step that a call of a task stands for."""
    if not isinstance(replay, Rerun):
        return None
    return replay.find(flow, context.step_key, context.name)


def record(run: TaskExecution, created: TaskRunCreate, reused: Found) -> Found:
    """Record a task run that takes the result of an earlier run's, and was not called."""
    context, flow = run.context, run.context.flow_run_context
    assert flow is not None and isinstance(reused, Reused)  # noqa: S101, PT018 - as `find` gave it
    run.found = found = _recorded(flow, created, reused)
    context.state, context.version = found.state, 2
    if flow.durable:
        durable_steps.commit(run.backend, context)
    return found


def subflow(run: FlowExecution, key: str, parent: TaskRunCreate) -> Found | None:
    """Find the end of a subflow in an earlier run; else take what its steps have left there."""
    enclosing = run.enclosing
    if enclosing is None or not isinstance(enclosing.replay, Rerun):
        return None
    reused = enclosing.replay.find(enclosing, key, parent.name)
    if reused is not None:
        found = _recorded(enclosing, parent, reused)
        if enclosing.durable:
            run.backend.journal.flush(acked=True)
        return found
    below = enclosing.replay.below(key)
    if below is not None and run.created is not None:
        run.created.run.rerun_of, run.context.replay = below.flow_run_id, below
    return None


def _recorded(flow: FlowRunContext, created: TaskRunCreate, reused: Reused) -> Found:
    """Write down the run and its end; return that."""
    backend, step, draft = flow.backend, reused.step, reused.draft
    created.labels = {REUSED_FROM: str(step.origin)}
    before = created.state
    state = stamped(draft, before, backend.clock, backend.ids)
    result_id, body = _copied(flow, created.id, reused)
    progress = advance(START, before.type, before.timestamp, state)
    backend.journal.append(TaskRunCreated(flow.epoch, created))
    backend.journal.append(
        TaskRunMoved(flow.epoch, flow.id, created.id, 2, state, progress, result_id, body)
    )
    assert isinstance(flow.replay, Rerun)  # noqa: S101 - it was found there
    flow.replay.origins[created.id] = step.origin
    flow.lineage.remember(draft.data, created.id)
    return Found(state, draft)


def _copied(
    flow: FlowRunContext, task_run_id: UUID, reused: Reused
) -> tuple[UUID | None, bytes | None]:
    """Return a result of this run's own with what the earlier one's has."""
    stored, step = reused.stored, reused.step
    if step.result_body is not None:
        return task_run_id, step.result_body
    if stored is None:
        return step.result_id, None
    own = replace(
        stored,
        id=flow.backend.ids.new(),
        flow_run_id=flow.id,
        created_at=flow.backend.clock.now(),
        expires_at=None,
    )
    flow.backend.journal.append(ResultKept(flow.epoch, own))
    return own.id, None
