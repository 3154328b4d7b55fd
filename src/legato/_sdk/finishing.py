"""What the caller of a finished run gets: a value, a state or an exception."""

from __future__ import annotations

import sys
from typing import Any

from legato._engine.effects import Draft
from legato._engine.flow_run import FlowEnd, flow_run
from legato._engine.task_run import task_run
from legato._model.states import COMPLETED, State
from legato._sdk import advice, generating, hints, interrupts, promises, tracebacks, values
from legato._sdk.context import current
from legato._sdk.drive import adrive
from legato._sdk.exceptions import Abort
from legato._sdk.flow_execution import FlowExecution
from legato._sdk.task_execution import TaskExecution


def finish(
    run: TaskExecution | FlowExecution, state: State, draft: Draft, return_state: bool
) -> Any:
    """Return the value or the state, or raise what the run raised.

    A BaseException, such as Ctrl-C, is raised even if the state is asked for.
    """
    __tracebackhide__ = True
    data = draft.data
    if isinstance(data, BaseException) and state.type is not COMPLETED:
        if return_state and isinstance(data, Exception):
            return values.public(run.context, state, data)
        if not in_run():
            advice.advise(data)
            tracebacks.cut(data)
            tracebacks.install()
        try:
            raise data
        finally:
            del data, draft
    if return_state:
        return values.public(run.context, state, data)
    if state.type is COMPLETED:
        return data
    return values.public(run.context, state, data).result()


def finish_flow(run: FlowExecution, end: FlowEnd, return_state: bool) -> Any:
    """Return the value or the state of a flow run, or raise what it raised."""
    __tracebackhide__ = True
    if not in_run() and sys.stderr.isatty():
        hints.say_where(run.context)
    if end.state is None:
        tracebacks.install()
        raise Abort(end.stopped or "the run may not go on")
    return finish(run, end.state, end.draft, return_state)


def promise_task(run: TaskExecution, return_state: bool) -> Any:
    """Return the coroutine of an async task."""
    coroutine: Any = _arun_task(run, return_state)
    flow = run.context.flow_run_context
    coroutine.__qualname__ = run.task.name
    if flow is not None:
        promises.note(flow, run, run.task, coroutine)
    return coroutine


async def _arun_task(run: TaskExecution, return_state: bool) -> Any:
    __tracebackhide__ = True
    promises.keep(run.context.flow_run_context, run)
    token = current.set(run.context)
    try:
        state, draft = await adrive(run, task_run(run.task.plan, run.limited, run.context.keeps))
    finally:
        current.reset(token)
    return finish(run, state, draft, return_state)


def promise_flow(run: FlowExecution, return_state: bool) -> Any:
    """Return the coroutine of an async flow."""
    coroutine: Any = _arun_flow(run, return_state)
    enclosing = run.enclosing
    coroutine.__qualname__ = run.flow.name
    if enclosing is not None:
        promises.note(enclosing, run, run.flow, coroutine)
    return coroutine


async def _arun_flow(run: FlowExecution, return_state: bool) -> Any:
    __tracebackhide__ = True
    promises.keep(run.enclosing, run)
    with interrupts.outermost(run):
        token = current.set(run.context)
        try:
            end = await adrive(run, flow_run(run.flow.plan))
        finally:
            current.reset(token)
        return finish_flow(run, end, return_state)


def generated_task(run: TaskExecution, return_state: bool) -> Any:
    """Return the generator of a task that yields; it is not cached, as its items are not kept."""
    _refuse_state(return_state)

    def end(found: tuple[State, Draft]) -> Any:
        return finish(run, *found, False)

    generate: Any = generating.agenerate if run.task.isasync else generating.generate
    return generate(run, run.context, task_run(run.task.plan, run.limited), end)


def generated_flow(run: FlowExecution, return_state: bool) -> Any:
    """Return the generator of a flow that yields."""
    _refuse_state(return_state)

    def end(found: FlowEnd) -> Any:
        return finish_flow(run, found, False)

    generate: Any = generating.agenerate if run.flow.isasync else generating.generate
    return generate(run, run.context, flow_run(run.flow.plan), end)


def _refuse_state(return_state: bool) -> None:
    if return_state:
        raise ValueError("A generator has no return_state: it is a generator that is returned.")


def in_run() -> bool:
    """Tell whether the caller is itself part of a run."""
    return current.get() is not None
