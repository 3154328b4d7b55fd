"""Calling users' hooks and retry conditions; what they raise is logged, never passed on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, cast

from msgspec import Struct

from legato._sdk import run_logs
from legato._sdk.at_work import calls_users
from legato._sdk.context import RunContext, current, hooking
from legato._sdk.decorated import function_name


class HookCall(Struct):
    """One call of a hook: what to call with what, and for which run."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    run: RunContext
    state_name: str


@contextmanager
def at_work() -> Generator[None]:
    """Let what is called here be the calls of a hook, not of the active run's own code."""
    token = hooking.set(current.get())
    try:
        yield
    finally:
        hooking.reset(token)


@calls_users
def run_all(calls: list[HookCall]) -> None:
    """Call the hooks one after the other."""
    for call in calls:
        _begin(call)
        try:
            with at_work():
                settled(call.fn(*call.args))
        except Exception:  # noqa: BLE001 - the user's code
            _failed(call)


@calls_users
async def arun_all(calls: list[HookCall]) -> None:
    """Call the hooks one after the other, awaiting those that are async."""
    for call in calls:
        _begin(call)
        try:
            with at_work():
                found = call.fn(*call.args)
                if _is_coroutine(found):
                    await found
        except Exception:  # noqa: BLE001 - the user's code
            _failed(call)


@calls_users
def ask(call: HookCall) -> bool:
    """Return what the retry condition says; no, if it raises."""
    try:
        with at_work():
            return bool(settled(call.fn(*call.args)))
    except Exception:  # noqa: BLE001 - the user's code
        return _condition_failed(call)


@calls_users
async def aask(call: HookCall) -> bool:
    """Return what the retry condition says, awaiting it if it is async."""
    try:
        with at_work():
            found = call.fn(*call.args)
            return bool(await found if _is_coroutine(found) else found)
    except Exception:  # noqa: BLE001 - the user's code
        return _condition_failed(call)


def _is_coroutine(value: Any) -> bool:
    return isinstance(value, Coroutine)


@calls_users
def settled(value: Any) -> Any:
    """Run a coroutine that an async hook of a sync run returned."""
    if not _is_coroutine(value):
        return value
    import asyncio

    coroutine = cast("Coroutine[Any, Any, Any]", value)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _begin(call: HookCall) -> None:
    name = function_name(call.fn)
    message = f"Running hook {name!r} in response to entering state {call.state_name!r}"
    run_logs.say(call.run, run_logs.INFO, message)


def _failed(call: HookCall) -> None:
    message = f"An error was encountered while running hook {function_name(call.fn)!r}"
    run_logs.say(call.run, run_logs.ERROR, message, sys.exc_info())


def _condition_failed(call: HookCall) -> bool:
    message = f"The retry condition {function_name(call.fn)!r} raised; the run is not retried"
    run_logs.say(call.run, run_logs.ERROR, message, sys.exc_info())
    return False
