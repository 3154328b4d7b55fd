"""Coroutines of async tasks and flows: who called one and never awaited it is told where."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from os.path import basename
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from legato._sdk.exceptions import NotAwaitedError
from legato._sdk.tracebacks import HERE

if TYPE_CHECKING:
    from legato._sdk.context import FlowRunContext
    from legato._sdk.decorated import Decorated

SHOWN = 5


class Promise(Struct):
    """A call whose coroutine has not started yet."""

    coroutine: Coroutine[Any, Any, Any]
    decorated: Any
    frame: FrameType
    line: int
    instruction: int


def note(
    flow: FlowRunContext,
    run: object,
    decorated: Decorated[..., Any],
    coroutine: Coroutine[Any, Any, Any],
) -> None:
    """Remember a coroutine until it starts; `run` is what it will run."""
    frame = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    while frame.f_code.co_filename.startswith(HERE) and frame.f_back is not None:
        frame = frame.f_back
    place = (frame, frame.f_lineno, frame.f_lasti)
    if flow.promises is None:
        flow.promises = {}
    flow.promises[id(run)] = Promise(coroutine, decorated, *place)


def keep(flow: FlowRunContext | None, run: object) -> None:
    """Forget a coroutine that starts."""
    if flow is not None and flow.promises:
        flow.promises.pop(id(run), None)


def broken(flow: FlowRunContext) -> NotAwaitedError | None:
    """Return the error of a flow run that ends with coroutines which nobody awaited."""
    promises, flow.promises = list((flow.promises or {}).values()), None
    if not promises:
        return None
    for promise in promises:
        promise.coroutine.close()
    lines = [
        f"{promise.decorated.noun} {promise.decorated.name!r} called in "
        f"{basename(promise.frame.f_code.co_filename)}, line {promise.line}"
        for promise in promises[:SHOWN]
    ]
    if len(promises) > SHOWN:
        lines.append(f"and {len(promises) - SHOWN} more")
    name = getattr(promises[0].decorated.fn, "__name__", "it")
    first = promises[0]
    error = NotAwaitedError(
        f"A coroutine was never awaited, so its work was not done: {'; '.join(lines)}. "
        f"Write `await {name}(...)`, or `{name}.submit(...)` to have it run beside the flow."
    )
    # The traceback ends where the coroutine was made.
    return error.with_traceback(TracebackType(None, first.frame, first.instruction, first.line))
