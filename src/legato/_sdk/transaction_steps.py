"""Performing the steps of a transaction's end: on this thread, or on an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from legato._sdk import hooks, run_logs
from legato._sdk.at_work import calls_users
from legato._sdk.context import RunContext, current, transacting
from legato._sdk.decorated import function_name
from legato._sdk.parking import arrival_of
from legato._sdk.transaction_ends import HookStep, Steps, WaitStep, say
from legato._sdk.transaction_tree import BaseTransaction

if TYPE_CHECKING:
    from types import TracebackType

    from legato._sdk.futures import Future


class HookScope(Struct, eq=False):
    """Where a hook is at work: what it calls is in no transaction."""

    run: RunContext | None
    txn: BaseTransaction

    def expect(self, future: Future[Any]) -> None:
        """Nothing waits for what a hook submits."""


async def in_thread(call: Callable[[], Any]) -> Any:
    """Call what may block without holding up the loop."""
    import asyncio

    return await asyncio.to_thread(call)


def raise_fatal(error: BaseException | None) -> None:
    """Raise what is more than an error of a hook, such as Ctrl-C."""
    if error is not None and not isinstance(error, Exception):
        raise error


def finish(steps: Steps) -> None:
    """Perform the steps of a task run's end; an error that was logged already is not raised."""
    raise_fatal(perform(steps))


async def afinish(steps: Steps) -> None:
    """Do as `finish` on the running loop."""
    raise_fatal(await aperform(steps))


@calls_users
def perform(steps: Steps) -> BaseException | None:
    """Perform the steps on this thread; return the error to raise, if there is one."""
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(error)
        except StopIteration as stop:
            found: BaseException | None = stop.value
            return found
        error = None
        try:
            if isinstance(step, HookStep):
                with _Hooking(step), hooks.at_work():
                    hooks.settled(step.hook(step.txn))
            elif isinstance(step, WaitStep):
                step.future.wait()
            else:
                step.call()
        except BaseException as exc:  # noqa: BLE001 - the user's code, or Ctrl-C in it
            error = exc


@calls_users
async def aperform(steps: Steps) -> BaseException | None:
    """Perform the steps on the running loop; async hooks are awaited, stores are not waited for."""
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(error)
        except StopIteration as stop:
            found: BaseException | None = stop.value
            return found
        error = None
        try:
            if isinstance(step, HookStep):
                with _Hooking(step), hooks.at_work():
                    result = step.hook(step.txn)
                    if isinstance(result, Awaitable):
                        await result
            elif isinstance(step, WaitStep):
                await arrival_of(step.future)
            else:
                await in_thread(step.call)
        except BaseException as exc:  # noqa: BLE001 - the user's code, or Ctrl-C in it
            error = exc


class _Hooking:
    """The lines around the call of a hook, and the scope in which it is at work."""

    def __init__(self, step: HookStep) -> None:
        self._step, self._name = step, function_name(step.hook)

    def __enter__(self) -> None:
        step = self._step
        say(step.txn, run_logs.INFO, f"Running {step.kind} hook {self._name!r}")
        self._token = transacting.set(HookScope(current.get(), step.txn))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        transacting.reset(self._token)
        step = self._step
        if error is None:
            what = f"{step.kind.capitalize()} hook {self._name!r} finished running successfully"
            say(step.txn, run_logs.INFO, what)
        else:
            what = f"An error was encountered while running {step.kind} hook {self._name!r}"
            say(step.txn, run_logs.ERROR, what, error)
