"""A task run in a worker: made of what was sent, taken to its end, told to the flow's process."""

from __future__ import annotations

import traceback
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from legato._engine.effects import Returned
from legato._engine.task_run import task_run
from legato._model.states import StateType
from legato._sdk import code, pickling, run_logs, tracebacks, tracing
from legato._sdk.at_work import calls_users
from legato._sdk.children import Children
from legato._sdk.context import FlowRunContext, TaskRunContext, current, current_tags
from legato._sdk.drive import adrive, drive
from legato._sdk.exceptions import SerializationError
from legato._sdk.flow import Flow
from legato._sdk.lineage import Lineage
from legato._sdk.replay import Replay
from legato._sdk.step_keys import Ordinals
from legato._sdk.task_execution import TaskExecution
from legato._sdk.task_runners import ThreadPoolTaskRunner

if TYPE_CHECKING:
    from legato._sdk.pipe import PipeBackend
    from legato._sdk.task import Task


class Errand:
    """One task run that was sent here."""

    _staged: bytes | None

    def __init__(self, backend: PipeBackend, task: Task[Any, Any], call: dict[str, Any]) -> None:
        backend.folder, backend.places = call["storage"], call["flights"]
        backend.row_limit = call["row_limit"]
        self._backend, self._task = backend, task
        code.sent_from = call["script"]
        self._flow = flow_context(backend, call)
        if call["replay"] is not None:
            self._flow.replay = Replay(*call["replay"])
        context = TaskRunContext(**identity_of(call["run"]), parameters=call["run"]["parameters"])
        fill(context, call["run"])
        context.task, context.flow_run_context = task, self._flow
        if context.log_prints:
            run_logs.patch_print()
        self._run = TaskExecution.elsewhere(backend, context, call["args"], call["kwargs"])
        self._run.fn = self._kept_async if task.isasync else self._kept
        current_tags.set(call["current_tags"])
        self._trace: dict[str, str] = call["trace"]
        self._value, self._staged, self._is_inside = b"", None, call["transaction"] is not None
        if self._is_inside:
            from legato._sdk import transaction_errands

            transaction_errands.stand_in(call["transaction"])

    def run(self) -> None:
        """Take the run to its end, and say what it is."""
        self._flow.children = Children(self._flow, ThreadPoolTaskRunner())
        context = self._run.context
        current.set(context)
        steps = task_run(self._task.plan, self._run.limited, context.keeps)
        next(steps)  # it was created where it was submitted
        with tracing.below(self._trace):
            if self._task.isasync:
                import asyncio

                state, draft = asyncio.run(adrive(self._run, steps, False))
            else:
                state, draft = drive(self._run, steps, False)
        self._flow.children.settle(Returned(None))
        if draft.type is StateType.COMPLETED:
            if not self._value:  # it was taken from the cache
                self._packed(draft.data)
            data = self._value
        else:
            data = _dumped_end(draft.data)
        fields = {"type": draft.type, "name": draft.name, "message": draft.message}
        self._backend.pipe.tell("end", state, fields, data, self._staged)

    @calls_users
    def _kept(self, *args: Any, **kwargs: Any) -> Any:
        return self._packed(self._task.fn(*args, **kwargs))

    @calls_users
    async def _kept_async(self, *args: Any, **kwargs: Any) -> Any:
        found = self._task.fn(*args, **kwargs)
        if self._task.isgenerator:
            return self._packed([item async for item in found])
        return self._packed(await found)

    def _packed(self, value: Any) -> Any:
        """Return the value; it is an error of the run if it cannot be sent."""
        if value.__class__ is GeneratorType:
            value = list(value)
        try:
            self._value = pickling.dumps(value)
        except Exception as error:
            raise SerializationError(
                f"What task {self._task.name!r} returned, {type(value).__name__}, cannot be sent "
                f"to the process of the flow: {error}."
            ) from error
        if self._is_inside:
            from legato._sdk import transaction_errands

            self._staged = transaction_errands.packed(self._run.context)
        return value


def flow_context(backend: Any, call: dict[str, Any]) -> FlowRunContext:
    """Return the flow run as tasks see it; the function of the flow stays where it runs."""
    given = call["flow"]
    context = FlowRunContext(**identity_of(given), parameters={})
    fill(context, given)
    context.flow = Flow(_runs_elsewhere, **call["flow_of"])
    context.backend, context.outer, context.interrupted = backend, None, []
    context.flow_id, context.epoch, context.root_id = (
        given["flow_id"], given["epoch"], given["root_id"],
    )  # fmt: skip
    context.ordinals, context.lineage = Ordinals(), Lineage()
    context.durable, context.replay, context.home = given["durable"], None, None
    context.commits_here = False  # the process of the flow commits
    context.promises, context.children, context.parent_task_run_id = None, None, None
    context.ended_subflows = None
    return context


def _runs_elsewhere() -> None:
    raise RuntimeError("The function of this flow runs in another process.")


def identity_of(given: dict[str, Any]) -> dict[str, Any]:
    return {"run_id": given["id"], "name": given["name"]}


def fill(context: Any, given: dict[str, Any]) -> None:
    for name in ("tags", "log_prints", "keeps", "state", "progress", "version", "step_key"):
        setattr(context, name, given[name])


def _dumped_end(data: Any) -> bytes:
    """Return what a run ended with that did not complete; an exception brings its traceback."""
    if isinstance(data, BaseException):
        tracebacks.cut(data)
        lines = traceback.format_exception(data)
        data.add_note("In the process of the task:\n" + "".join(lines).rstrip())
    try:
        blob = pickling.dumps(data)
        pickling.loads(blob)
    except Exception:  # noqa: BLE001 - exceptions with an __init__ of their own
        return pickling.dumps(RuntimeError(f"{type(data).__name__}: {data}"))
    return blob
