"""Runs a flow to its end and says with the exit status how it ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from legato._cli import exits, live
from legato._cli.loading import AnyFlow
from legato._cli.output import say
from legato._model.errors import Error
from legato._model.states import StateType
from legato._sdk import interrupts, tracebacks
from legato._sdk.exceptions import Abort, TerminationSignal
from legato._sdk.scripts import BrokenFile
from legato._sdk.states import RETURNED_NONE, Completed, State

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_CODES = {StateType.COMPLETED: exits.COMPLETED, StateType.CANCELLED: exits.CANCELLED}


def run(flow: AnyFlow, args: tuple[Any, ...], kwargs: dict[str, Any], print_result: bool) -> int:
    """Run the flow; return the exit status. Everything is committed or counted as lost."""
    with_state = {} if flow.isgenerator else {"return_state": True}
    return take(flow, lambda: flow(*args, **with_state, **kwargs), print_result)


def take(flow: AnyFlow, start: Callable[[], Any], print_result: bool) -> int:
    """Take a run of the flow to its end; `start` returns its state, coroutine or generator."""
    from legato._backend.current import conclude

    try:
        with live.display():
            state = _final_state(flow, start)
    except BaseException as error:  # noqa: BLE001 - the user's code; what is ours is raised again
        code = _ended_by(error)
    else:
        code = _CODES.get(state.type, exits.FAILED)
        if isinstance(state.data, BaseException) and code != exits.COMPLETED:
            report(state.data)
        elif print_result and code == exits.COMPLETED:
            _print_result(None if state.data is RETURNED_NONE else state.data)
    lost = conclude()
    return code or (exits.NOT_RECORDED if lost else exits.COMPLETED)


def _final_state(flow: AnyFlow, start: Callable[[], Any]) -> State:
    if not flow.isasync:
        if flow.isgenerator:
            return Completed(data=list(start()))
        state: State = start()
        return state
    import asyncio

    runner = asyncio.Runner()
    try:
        awaited: State = runner.run(_awaited(flow, start))
    except TerminationSignal:  # it ended the loop; the flow does not know yet
        _cancel_all(runner.get_loop())
        raise
    except Exception:
        runner.close()
        raise
    runner.close()  # not after a signal: it would wait for threads that sleep
    return awaited


async def _awaited(flow: AnyFlow, start: Callable[[], Any]) -> State:
    if flow.isgenerator:
        return Completed(data=[item async for item in start()])
    state: State = await start()
    return state


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _ended_by(error: BaseException) -> int:
    """Return the exit status for what went through the flow; an interruption ends it all here."""
    interrupts.leave_if_interrupted(error)
    code = interrupts.code_of(error)
    if code is not None:
        return code
    if isinstance(error, SystemExit):  # the run has crashed, whatever the flow's code asked for
        if isinstance(error.code, str):
            say(error.code)
        return exits.FAILED
    if isinstance(error, Abort):
        say(f"Error: {error}")
        return exits.FAILED
    if isinstance(error, Error):
        raise error
    report(error)
    return exits.FAILED


def report_broken(broken: BrokenFile) -> int:
    """Show what the user's file raised while it was imported; return the exit status."""
    error = broken.__cause__
    assert error is not None  # noqa: S101 - it is raised from what the file raised
    if not tracebacks.debugging():
        path = str(broken)
        while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename != path:
            error.__traceback__ = error.__traceback__.tb_next  # ours, and the import system's
    report(error)
    return exits.FAILED


def report(error: BaseException) -> None:
    """Show an exception as the interpreter would, without our frames."""
    tracebacks.cut(error)
    at = error.__traceback__
    if isinstance(error, Error) and (at is None or tracebacks.is_ours(at)):
        say(f"Error: {error}")  # no line of the user's is to blame
        return
    sys.excepthook(type(error), error, at)


def _print_result(value: Any) -> None:
    import json

    import msgspec

    try:
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_dumped)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        text = ascii(value) if _has_surrogates(repr(value)) else repr(value)
    click.echo(text)


def _dumped(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json")
    raise TypeError(value)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
