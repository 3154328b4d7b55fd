"""Going on with a flow run that has ended: what will run again, and the run itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from legato._model.attempts import Attempt, Step
from legato._model.operations.attempts import ListAttempts, ListSteps
from legato._model.operations.flow_runs import ReadFlowRun
from legato._model.results import ResultReference
from legato._model.states import StateType
from legato._sdk import parameters as recorded
from legato._sdk import project_files, stored_results
from legato._sdk.exceptions import MissingFlowError, MissingResult
from legato._sdk.flow_execution import FlowExecution
from legato._sdk.replay import function_of
from legato._sdk.services import backend
from legato._sdk.step_keys import is_of_hook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from legato._model.flow_runs import FlowRun
    from legato._sdk.flow import Flow

NOT_STORED = "it has no stored result"
_NONE: Mapping[str, Any] = {}


class Planned(Struct):
    """What becomes of a step: `why` is empty if its result is used again."""

    step: Step
    why: str = ""

    @property
    def is_reused(self) -> bool:
        """Whether the step does not run again."""
        return not self.why


def plan_of(flow_run_id: UUID) -> list[Planned]:
    """Return what becomes of the steps that earlier attempts of a run have begun.

    A step that was tried more than once stands in the list as it ended last.
    """
    latest: dict[str, Step] = {}
    for step in backend().send(ListSteps(flow_run_id=flow_run_id)):
        if is_of_hook(step.step_key):
            continue
        known = latest.get(step.step_key)
        if known is None or not known.is_finished:
            latest[step.step_key] = step
    return [Planned(step, why_again(step)) for step in latest.values()]


def why_again(step: Step) -> str:
    """Say why a step runs again; nothing if its result is there."""
    state = step.state
    if step.is_finished:
        return "" if step.result_id is not None else NOT_STORED
    if step.child_flow_run_id is not None:
        return f"it goes on where it stopped ({state.name})"
    if state.type is StateType.COMPLETED:
        return f"it is {state.name}"
    return f"it ended {state.name}" if state.type.value in _ENDS else f"it was {state.name}"


_ENDS = frozenset({"FAILED", "CRASHED", "CANCELLED"})


def changed_files(run: FlowRun) -> list[str]:
    """Return the files of the project that are not as they were when the run was started.

    By their paths from the folder of the flow's file; only those that were imported then.
    """
    if run.entrypoint is None:
        return []
    attempts: list[Attempt] = backend().send(ListAttempts(flow_run_id=run.id))
    before = attempts[0].code_files if attempts else None
    return project_files.changed(before or {}, project_files.folder_of(run.entrypoint))


def left_behind(run: FlowRun, plan: list[Planned]) -> list[Step]:
    """Return the finished steps whose functions the flow's file does not define any more.

    Other steps may turn out not to be asked for as well; that shows when the flow has run.
    """
    if run.entrypoint is None:
        return []
    import ast

    path = run.entrypoint.rpartition(":")[0]
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):  # who loads the file says what is wrong with it
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    module = f"{Path(path).stem}."
    return [
        planned.step
        for planned in plan
        if planned.is_reused
        and (function := function_of(planned.step.step_key)).startswith(module)
        and function.rpartition(".")[2] not in {"<lambda>", *defined}
    ]


def parameters_of(run: FlowRun, given: Mapping[str, Any] = _NONE) -> dict[str, Any]:
    """Return what a run was called with, and `given` in its place.

    Raises MissingResult, or ParameterBindError, for what was not stored and is not given.
    """
    found: dict[str, Any] = run.parameters
    if run.parameters_id is not None:
        found = stored_results.value_of(ResultReference(run.parameters_id))
    elif not run.durable:  # what only resembles it was recorded then, too
        recorded.require_recorded({n: v for n, v in found.items() if n not in given})
    found = {**found, **given}
    missing = [name for name in run.parameters if name not in found]
    if missing:
        which = ", ".join(f"{name!r}: ..." for name in missing)
        raise MissingResult(
            f"The flow run {run.name!r} was called with secrets, or with what cannot be pickled."
            f" These were not stored. Give them: resume(run_id, parameters={{{which}}})."
        )
    return found


def resume(
    flow_run_id: UUID | str,
    *,
    flow: Flow[Any, Any] | None = None,
    parameters: Mapping[str, Any] = _NONE,
    return_state: bool = False,
) -> Any:
    """Go on with a flow run that failed, crashed or was cancelled; return what it returns.

    Finished steps do not run again. `flow` is what the run is of; without it the file is loaded
    that the run was started from. `parameters` take the place of those that are stored: secrets
    are not. An async flow gives a coroutine. Raises ObjectNotFound, ObjectAlreadyExists if somebody
    else has the run, MissingFlowError without a file, MissingResult without a parameter.

    >>> from legato import flow, task
    >>> fails = [True]
    >>> @task
    ... def load() -> int:
    ...     return 1
    >>> @flow(durable=True)
    ... def etl() -> int:
    ...     found = load()
    ...     if fails.pop():
    ...         raise ValueError("on its way")
    ...     return found
    >>> state = etl(return_state=True)
    >>> fails.append(False)
    >>> resume(state.state_details.flow_run_id, flow=etl)
    1
    """
    run: FlowRun = backend().send(ReadFlowRun(flow_run_id=UUID(str(flow_run_id))))
    if flow is None:
        flow = load(run)
    return flow.start(execution(flow, run, parameters), return_state)


def execution(
    flow: Flow[Any, Any], run: FlowRun, parameters: Mapping[str, Any] = _NONE
) -> FlowExecution:
    """Return the call of a flow that goes on with a run; `parameters` are other ones."""
    args, kwargs = flow.signature.call_arguments(parameters_of(run, parameters))
    made = FlowExecution(flow, args, kwargs)
    made.resumes = run.id
    return made


def load(run: FlowRun) -> Flow[Any, Any]:
    """Load the flow that a run is of from where it was started; raise MissingFlowError."""
    from legato._sdk.scripts import load_flow

    if run.entrypoint is None:
        raise MissingFlowError(
            f"The flow run {run.name!r} was not started from a file, so its code is not known here."
            " Give it: resume(run_id, flow=my_flow)."
        )
    return load_flow(run.entrypoint)
