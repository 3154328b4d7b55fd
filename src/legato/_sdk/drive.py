"""The drivers: they call the user's function and perform what the engine asks for.

`drive` and `adrive` differ only in who waits. The user's function is called here, on the caller's
own thread and stack, with nothing of ours between but this frame and the one that called it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from types import GeneratorType
from typing import Any, ClassVar, TypeVar

from legato._engine.effects import (
    CALL,
    Acquire,
    AskRetry,
    Cause,
    Draft,
    Effect,
    Outcome,
    Raised,
    Returned,
    RunHooks,
    Sleep,
)
from legato._journal.clock import SystemClock
from legato._journal.forks import place
from legato._journal.ids import TimeOrderedIds
from legato._model.states import State, StateType
from legato._sdk import hooks, waits
from legato._sdk.at_work import calls_users
from legato._sdk.deadlines import Deadline, DeadlinePassed
from legato._sdk.exceptions import TerminationSignal
from legato._sdk.stamping import stamped
from legato._sdk.watch import watch

End = TypeVar("End")
Steps = Generator[Effect, Any, End]


class Execution:
    """A run in the making: the call that is to be made, and how effects are performed."""

    __slots__ = ("args", "fn", "kwargs", "place", "timeout")
    PERFORM: ClassVar[Mapping[type, Callable[[Any, Any], Any]]] = {}
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    timeout: float | None
    place: str

    def hook_calls(self, effect: RunHooks) -> list[hooks.HookCall]:
        """Return the calls that an effect stands for."""
        raise NotImplementedError

    def condition_call(self, effect: AskRetry) -> hooks.HookCall:
        """Return the call of the user's retry condition."""
        raise NotImplementedError

    def line(self) -> Generator[float, None, None]:
        """Take the slots that the run needs; yield the seconds to pause until they are free."""
        raise NotImplementedError

    def timed_out(self) -> Exception:
        """Return the exception of a run that took too long."""
        raise NotImplementedError

    def end_in_child(self, outcome: Outcome) -> Any:
        """Return or raise what the function did, for a forked child: the run is its parent's."""
        if isinstance(outcome, Raised):
            raise outcome.exception
        draft = Draft(type=StateType.COMPLETED, data=outcome.value)
        return self.ended(stamped(draft, None, SystemClock(), TimeOrderedIds()), draft)

    def ended(self, state: State, draft: Draft) -> Any:
        """Return what the engine returns for a run with that end."""
        raise NotImplementedError

    def raised(self, exc: BaseException) -> Raised:
        """Say what kind of end an exception is."""
        if isinstance(exc, DeadlinePassed) and self._owns(exc):
            return Raised(self.timed_out(), "timeout")
        if isinstance(exc, Exception):
            return Raised(exc, "error")
        return Raised(exc, _cause(exc))

    def _owns(self, alarm: DeadlinePassed) -> bool:
        return alarm.owner is self


_CAUSES: dict[str, Cause] = {
    "KeyboardInterrupt": "interrupt",
    "SystemExit": "exit",
    "CancelledError": "cancelled",
    "DeadlinePassed": "cancelled",
}


def _cause(exc: BaseException) -> Cause:
    if isinstance(exc, TerminationSignal):
        return "termination"
    for kind in type(exc).__mro__:
        if kind.__name__ in _CAUSES:
            cause = _CAUSES[kind.__name__]
            # asyncio turns Ctrl-C into the cancellation of its main task
            return (watch.cause or cause) if cause == "cancelled" else cause
    return "abort"


@calls_users
def drive(run: Execution, steps: Steps[End]) -> End:
    """Take a run to its end on the caller's thread."""
    __tracebackhide__ = True
    reply: Any = None
    send, table, timeout = steps.send, run.PERFORM, run.timeout
    while True:
        try:
            effect = send(reply)
        except StopIteration as stop:
            end: End = stop.value
            return end
        if effect is CALL:
            try:
                if timeout is None:
                    value = run.fn(*run.args, **run.kwargs)
                else:
                    with Deadline(timeout, run):
                        value = run.fn(*run.args, **run.kwargs)
                # a generator that a plain function returns is the user's code too
                lazy = type(value) is GeneratorType
                reply = Returned(list(value) if lazy else value)
            except BaseException as exc:  # noqa: BLE001 - the user's code
                reply = run.raised(exc)
            if run.place is not place():
                forked: End = run.end_in_child(reply)
                return forked
        elif type(effect) in _WAITING:
            reply = _wait(run, effect)
        else:
            reply = table[type(effect)](run, effect)


@calls_users
async def adrive(run: Execution, steps: Steps[End]) -> End:
    """Take a run to its end on the caller's event loop."""
    __tracebackhide__ = True
    reply: Any = None
    while True:
        try:
            effect = steps.send(reply)
        except StopIteration as stop:
            end: End = stop.value
            return end
        if effect is CALL:
            try:
                if run.timeout is None:
                    reply = Returned(await run.fn(*run.args, **run.kwargs))
                else:
                    async with waits.deadline(run.timeout, run):
                        reply = Returned(await run.fn(*run.args, **run.kwargs))
            except BaseException as exc:  # noqa: BLE001 - the user's code
                reply = run.raised(exc)
            if run.place is not place():
                forked: End = run.end_in_child(reply)
                return forked
        else:
            reply = await aperform(run, effect)


_WAITING = frozenset({Sleep, Acquire, RunHooks, AskRetry})


def perform(run: Execution, effect: Effect) -> Any:
    """Perform any effect but the call, on this thread."""
    kind = type(effect)
    return _wait(run, effect) if kind in _WAITING else run.PERFORM[kind](run, effect)


async def aperform(run: Execution, effect: Effect) -> Any:
    """Perform any effect but the call; what waits is awaited."""
    kind = type(effect)
    return await _await(run, effect) if kind in _WAITING else run.PERFORM[kind](run, effect)


def _wait(run: Execution, effect: Effect) -> Any:
    if isinstance(effect, Sleep):
        try:
            return waits.sleep(effect.seconds)
        except BaseException as exc:  # noqa: BLE001 - Ctrl-C during the wait
            return run.raised(exc)
    if isinstance(effect, Acquire):
        return _tag_limits().stand(run)
    if isinstance(effect, RunHooks):
        return hooks.run_all(run.hook_calls(effect))
    if isinstance(effect, AskRetry):
        return hooks.ask(run.condition_call(effect))
    raise TypeError(effect)


async def _await(run: Execution, effect: Effect) -> Any:
    if isinstance(effect, Sleep):
        try:
            return await waits.asleep(effect.seconds)
        except BaseException as exc:  # noqa: BLE001 - cancelled during the wait
            return run.raised(exc)
    if isinstance(effect, Acquire):
        return await _tag_limits().astand(run)
    if isinstance(effect, RunHooks):
        return await hooks.arun_all(run.hook_calls(effect))
    if isinstance(effect, AskRetry):
        return await hooks.aask(run.condition_call(effect))
    raise TypeError(effect)


def _tag_limits() -> Any:
    from legato._sdk import tag_limits

    return tag_limits
