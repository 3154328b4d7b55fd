"""Doing a flow run again: a new run, with the code as it is now and what the old one finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from legato._model.attempts import Step
from legato._model.errors import Conflict
from legato._model.flow_runs import FlowRun
from legato._model.operations.attempts import ListSteps
from legato._model.operations.flow_runs import ReadFlowRun
from legato._model.states import TERMINAL
from legato._sdk import parameters as given_parameters
from legato._sdk import rerun_code, rerun_plan, resumption
from legato._sdk.exceptions import MissingTaskError
from legato._sdk.flow_execution import FlowExecution
from legato._sdk.replay import function_of
from legato._sdk.rerun_plan import Choice, Plan
from legato._sdk.rerun_steps import Course, Rerun
from legato._sdk.resumption import Planned
from legato._sdk.services import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from legato._sdk.flow import Flow

_SHOWN = 12


class Again(Struct):
    """A flow run that is to be done again, and what becomes of its steps."""

    run: FlowRun
    plan: Plan
    since: Step | None


def rerun(
    flow_run_id: UUID | str,
    *,
    from_task: UUID | str | None = None,
    all_tasks: bool = False,
    parameters: Mapping[str, Any] | None = None,
    flow: Flow[Any, Any] | None = None,
    return_state: bool = False,
) -> Any:
    """Do a flow run again as a new run; return what it returns.

    Finished steps are reused, and what failed runs again with all that takes its results.
    `from_task`, the name of a task or the name or id of a task run, has that and all that was
    called later run again; `all_tasks` everything. `parameters` replace those of the run: steps
    with other arguments run again. `flow` is what the run is of; without it the file is loaded that
    the run was started from, as it is now. An async flow gives a coroutine. Raises ObjectNotFound,
    ObjectAlreadyExists if the run has not ended, MissingTaskError, MissingFlowError.

    >>> from legato import flow, task
    >>> rate = [0]
    >>> @task
    ... def load() -> int:
    ...     print("loading")
    ...     return 12
    >>> @task
    ... def share(total: int) -> float:
    ...     return total / rate[0]
    >>> @flow
    ... def report() -> float:
    ...     return share(load())
    >>> state = report(return_state=True)
    loading
    >>> rate[0] = 4
    >>> rerun(state.state_details.flow_run_id, flow=report)
    3.0
    """
    again = look(flow_run_id, from_task, all_tasks=all_tasks, changed=bool(parameters))
    flow = flow or resumption.load(again.run)
    return flow.start(execution(again, flow, parameters or {}), return_state)


def plan_rerun(
    flow_run_id: UUID | str,
    *,
    from_task: UUID | str | None = None,
    all_tasks: bool = False,
    parameters: Mapping[str, Any] | None = None,
) -> list[Planned]:
    """Return what would become of the steps of a run if it were done again; runs nothing.

    >>> from legato import flow, task
    >>> @task
    ... def load() -> int:
    ...     return 12
    >>> @flow
    ... def report() -> int:
    ...     return load()
    >>> state = report(return_state=True)
    >>> [planned.is_reused for planned in plan_rerun(state.state_details.flow_run_id)]
    [True]
    """
    again = look(flow_run_id, from_task, all_tasks=all_tasks, changed=bool(parameters))
    return again.plan.steps()


def look(
    flow_run_id: UUID | str, from_task: UUID | str | None, *, all_tasks: bool, changed: bool
) -> Again:
    """Read a run with its steps and decide about them; raise MissingTaskError or Conflict."""
    run: FlowRun = backend().send(ReadFlowRun(flow_run_id=UUID(str(flow_run_id))))
    if run.state_type not in TERMINAL:
        raise Conflict(f"The flow run {run.name!r} is {run.state_name}: it has not ended.")
    if all_tasks and from_task is not None:
        raise ValueError("from_task and all_tasks exclude each other: all tasks leave none before.")
    runs: dict[UUID, list[Step]] = {}
    _read(run.id, runs)
    every = [step for steps in runs.values() for step in steps]
    since = None if from_task is None else _begin(run, str(from_task), every)
    choice = Choice(
        all_tasks=all_tasks,
        since=None if since is None else since.task_run_id,
        changed=changed,
        replays=run.durable,
    )
    return Again(run, rerun_plan.plan(runs, choice), since)


def _read(flow_run_id: UUID, runs: dict[UUID, list[Step]]) -> None:
    runs[flow_run_id] = backend().send(ListSteps(flow_run_id=flow_run_id))
    for step in runs[flow_run_id]:
        child = step.child_flow_run_id
        if child is not None and child not in runs:
            _read(child, runs)


def _begin(run: FlowRun, text: str, steps: list[Step]) -> Step:
    found = rerun_plan.begins(text, steps)
    if not found:
        known = dict.fromkeys(rerun_plan.task_names(step)[0] for step in steps)
        raise MissingTaskError(
            f"The flow run {run.name!r} has no task {text!r}. It has: {_listed(known)}."
        )
    if len({step.step_key for step in found}) > 1:
        ids = _listed({str(step.task_run_id): None for step in found})
        raise MissingTaskError(f"{text!r} can mean more than one task run. Give its id: {ids}.")
    return found[0]


def _listed(names: dict[str, None]) -> str:
    shown = list(names)[:_SHOWN]
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*shown, *more]) or "none"


def execution(again: Again, flow: Flow[Any, Any], changes: Mapping[str, Any]) -> FlowExecution:
    """Return the call of a flow that does a run again; raise if that cannot be what was meant."""
    _require_tasks(again, flow)
    given = _parameters(again.run, flow, changes)
    args, kwargs = flow.signature.call_arguments(given)
    made = FlowExecution(flow, args, kwargs)
    made.rerun_of = again.run.id
    reused = [one.step.task_run_id for one in again.plan.steps() if one.is_reused]
    made.context.replay = Rerun(Course(again.plan, frozenset(reused)), again.run.id)
    return made


def _require_tasks(again: Again, flow: Flow[Any, Any]) -> None:
    """Raise MissingTaskError if a task is to be reused, or begun with, that is no more."""
    meant = [planned.step for planned in again.plan.steps() if planned.is_reused]
    if again.since is not None:
        meant.append(again.since)
    places = dict.fromkeys(function_of(step.step_key).partition("#")[0] for step in meant)
    gone = rerun_code.vanished(places, flow)
    if not gone:
        return
    there = rerun_code.tasks_beside(flow)
    names = ", ".join(repr(one.rpartition(".")[2]) for one in gone)
    raise MissingTaskError(
        f"The code has no task {names} any more, which the flow run {again.run.name!r} called."
        f" It has: {_listed(dict.fromkeys(there))}."
        " Begin with a task before it, or have all tasks run again."
    )


def left_out(run: FlowRun, flow: Flow[Any, Any]) -> list[str]:
    """Return the parameters of the run that the flow does not take any more."""
    return [name for name in run.parameters if name not in flow.signature.inspected.parameters]


def _parameters(run: FlowRun, flow: Flow[Any, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    known = flow.signature.inspected.parameters
    unused = {n: changes.get(n) for n in run.parameters if n in changes or n not in known}
    kept = resumption.parameters_of(run, unused)
    found = {name: value for name, value in kept.items() if name in known}
    rest = next((n for n, p in known.items() if p.kind is p.VAR_KEYWORD), None)
    for name, value in changes.items():
        if name in known or rest is None:
            found[name] = value
        else:
            found[rest] = {**found.get(rest, {}), name: value}
    return given_parameters.completed(flow, found)
