"""What is sent to a worker: a task and one call of it, as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._client.tracing import carried
from legato._sdk import code, pickling, results
from legato._sdk.context import current_tags
from legato._sdk.exceptions import SerializationError

if TYPE_CHECKING:
    from legato._sdk.context import FlowRunContext, RunContext
    from legato._sdk.submission import Submission
    from legato._sdk.task import Task
    from legato._sdk.task_execution import TaskExecution


_PLACES = ("result_storage", "result_serializer")


class Packer:
    """Packs task runs; each task once."""

    def __init__(self) -> None:
        self._tasks: dict[Task[Any, Any], bytes] = {}

    def pack(self, submission: Submission) -> tuple[bytes, bytes]:
        """Return the task and its call as bytes; raise SerializationError where that fails."""
        run = submission.run
        task = run.task
        blob = self._tasks.get(task)
        if blob is None:
            blob = _dumped(f"Task {task.name!r}", task)
            if not task.ismethod:  # each access to a method makes another object
                self._tasks[task] = blob
        try:
            call = pickling.dumps(_call_of(run, submission))
        except Exception as error:
            for name, value in run.context.parameters.items():
                _dumped(f"Argument {name!r} of task run {run.context.name!r}", value)
            raise SerializationError(
                f"The call of task run {run.context.name!r} cannot be sent to another process: "
                f"{error}"
            ) from error
        return blob, call


def _dumped(what: str, value: Any) -> bytes:
    try:
        return pickling.dumps(value)
    except Exception as error:
        raise SerializationError(
            f"{what}, {type(value).__name__}, cannot be sent to another process: {error}. "
            "Make it inside of the task, or use ThreadPoolTaskRunner, which sends nothing."
        ) from error


def _call_of(run: TaskExecution, submission: Submission) -> dict[str, Any]:
    """Return all of a task run that its other half must know."""
    context, flow = run.context, run.context.flow_run_context
    assert flow is not None  # noqa: S101 - tasks are submitted inside flows
    around, traits = flow_traits(flow), traits_of(context, "parameters")
    if run.task.persist_result is None and not _are_there(flow, around["flow_of"]):
        traits["keeps"] = None
    return {
        "args": run.args,
        "kwargs": run.kwargs,
        "current_tags": submission.context.get(current_tags, frozenset()),
        "run": traits,
        **around,
        "transaction": _values_around(run),
        "script": code.script(),
        "replay": None if flow.replay is None else flow.replay.within(context.step_key),
        "storage": run.backend.storage(),
        "flights": run.backend.flights(),
        "row_limit": run.backend.row_limit,
        "trace": submission.context.copy().run(carried),
    }


def _values_around(run: TaskExecution) -> dict[str, Any] | None:
    """Return the values of the transaction around the run, or None if there is none."""
    if not run.may_roll_back():
        return None
    from legato._sdk import transaction_errands

    return transaction_errands.values_around(run.context)


def traits_of(context: RunContext, *more: str) -> dict[str, Any]:
    """Return what another process must know of a run."""
    shared = ("tags", "log_prints", "keeps", "state", "progress", "version", "step_key")
    return {name: getattr(context, name) for name in ("id", "name", *shared, *more)}


def flow_traits(flow: FlowRunContext) -> dict[str, Any]:
    """Return what `errand.flow_context` makes a flow run of."""
    return {
        "flow": traits_of(flow, "epoch", "flow_id", "root_id", "durable"),
        "flow_of": {
            "name": flow.flow.name,
            "version": flow.flow.version,
            **{option: _portable(results.chosen(flow.flow, flow, option)) for option in _PLACES},
        },
    }


def _are_there(flow: FlowRunContext, sent: dict[str, Any]) -> bool:
    """Tell whether the worker knows where, and as what, results of the flow are stored."""
    return all(
        sent[option] is not None or results.chosen(flow.flow, flow, option) is None
        for option in _PLACES
    )


def _portable(option: Any) -> Any:
    """Return an option of the flow; None if it is an object that cannot leave this process.

    That is no reason not to send tasks: those that do not say themselves that their results are
    stored do without.
    """
    if option is None:
        return None
    try:
        pickling.dumps(option)
    except Exception:  # noqa: BLE001 - an object of the user's
        return None
    return option
