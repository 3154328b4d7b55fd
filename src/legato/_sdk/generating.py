"""Flows and tasks that yield: the run lasts until its generator is exhausted or closed.

The user's generator is resumed in the context of its run; between two items the consumer's own
context holds. A consumer that stops early ends the run as Completed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import Any

from legato._engine.effects import CALL, Outcome, Returned
from legato._sdk import drive
from legato._sdk.at_work import calls_users
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.deadlines import Deadline
from legato._sdk.drive import Execution, Steps

Context = FlowRunContext | TaskRunContext
Finish = Callable[[Any], Any]


def generate(
    run: Execution, context: Context, steps: Steps[Any], finish: Finish
) -> Generator[Any, Any, Any]:
    """Take a run whose function is a generator to its end; yield what it yields."""
    __tracebackhide__ = True
    reply: Any = None
    while True:
        try:
            effect = steps.send(reply)
        except StopIteration as stop:
            return finish(stop.value)
        if effect is CALL:
            try:
                reply = yield from _items(run, context)
            except GeneratorExit:  # the consumer has enough
                reply = Returned(None)
        else:
            reply = drive.perform(run, effect)


def _items(run: Execution, context: Context) -> Generator[Any, Any, Outcome]:
    source: Generator[Any, Any, Any] = run.fn(*run.args, **run.kwargs)
    resume: Callable[[], Any] = partial(source.send, None)
    ends = None if run.timeout is None else time.monotonic() + run.timeout
    while True:
        outcome, item = _resumed(run, context, resume, ends)
        if outcome is not None:
            return outcome
        try:
            resume = partial(source.send, (yield item))
        except GeneratorExit:
            _resumed(run, context, source.close, None)
            raise
        except BaseException as exc:  # noqa: BLE001 - thrown in by the consumer
            resume = partial(source.throw, exc)


@calls_users
def _resumed(
    run: Execution, context: Context, resume: Callable[[], Any], ends: float | None
) -> tuple[Outcome | None, Any]:
    """Run the user's generator to its next item; return its outcome instead when it ends."""
    __tracebackhide__ = True
    token = current.set(context)
    try:
        if ends is None:
            return None, resume()
        with Deadline(max(0.0, ends - time.monotonic()), run):
            return None, resume()
    except StopIteration as stop:
        return Returned(stop.value), None
    except BaseException as exc:  # noqa: BLE001 - the user's code
        return run.raised(exc), None
    finally:
        current.reset(token)


async def agenerate(
    run: Execution, context: Context, steps: Steps[Any], finish: Finish
) -> AsyncGenerator[Any, Any]:
    """Take a run whose function is an async generator to its end; yield what it yields."""
    __tracebackhide__ = True
    reply: Any = None
    while True:
        try:
            effect = steps.send(reply)
        except StopIteration as stop:
            finish(stop.value)
            return
        if effect is not CALL:
            reply = await drive.aperform(run, effect)
            continue
        source: AsyncGenerator[Any, Any] = run.fn(*run.args, **run.kwargs)
        resume: Callable[[], Any] = partial(source.asend, None)
        while True:
            reply, item = await _aresumed(run, context, resume)
            if reply is not None:
                break
            try:
                resume = partial(source.asend, (yield item))
            except GeneratorExit:
                await source.aclose()
                reply = Returned(None)
                break
            except BaseException as exc:  # noqa: BLE001 - thrown in by the consumer
                resume = partial(source.athrow, exc)


def collected(fn: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., Any]:
    """Return a coroutine function that gives the items of an async generator as a list."""

    @calls_users
    async def collect(*args: Any, **kwargs: Any) -> list[Any]:
        __tracebackhide__ = True
        return [item async for item in fn(*args, **kwargs)]

    return collect


@calls_users
async def _aresumed(
    run: Execution, context: Context, resume: Callable[[], Any]
) -> tuple[Outcome | None, Any]:
    __tracebackhide__ = True
    token = current.set(context)
    try:
        return None, await resume()
    except StopAsyncIteration:
        return Returned(None), None
    except BaseException as exc:  # noqa: BLE001 - the user's code
        return run.raised(exc), None
    finally:
        current.reset(token)
