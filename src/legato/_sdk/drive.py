"""The drivers: they call the user's function and perform what the engine asks for.

`drive` and `adrive` differ only in who waits. The user's function is called here, on the caller's
own thread and stack, with nothing of ours between but this frame and the one that called it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from types import GeneratorType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from legato._engine.effects import (
    CALL,
    AskRetry,
    Cause,
    Draft,
    Effect,
    Outcome,
    Raised,
    Returned,
    RunHooks,
)
from legato._journal.clock import SystemClock
from legato._journal.forks import place
from legato._journal.ids import TimeOrderedIds
from legato._model.states import COMPLETED, State
from legato._sdk import hooks, sessions, tracing, waits
from legato._sdk.at_work import calls_users
from legato._sdk.deadlines import Deadline, DeadlinePassed
from legato._sdk.exceptions import TerminationSignal
from legato._sdk.stamping import stamped
from legato._sdk.waiting import AWAITS, WAITS
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from legato._sdk.futures import Future

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
        draft = Draft(type=COMPLETED, data=outcome.value)
        return self.ended(stamped(draft, None, SystemClock(), TimeOrderedIds()), draft)

    def ended(self, state: State, draft: Draft) -> Any:
        """Return what the engine returns for a run with that end."""
        raise NotImplementedError

    def upstream(self) -> list[Future[Any]]:
        """Return the futures among the arguments that have not ended."""
        return []

    def resolve(self) -> Draft | None:
        """Put values in the place of handles; return the state of a run that cannot start."""
        return None

    def cannot_start(self, exc: BaseException) -> Draft:
        """Return the state of a run whose wait for others was cut short."""
        raise NotImplementedError

    def may_roll_back(self) -> bool:
        """Tell whether the run is, or is in, a transaction."""
        return False

    def settle(self, outcome: Outcome) -> Outcome:
        """Wait for what the function has submitted; return its outcome, or another one."""
        return outcome

    async def asettle(self, outcome: Outcome) -> Outcome:
        """Do as `settle` without blocking the loop."""
        return outcome

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
def drive(run: Execution, steps: Steps[End], reply: Any = None) -> End:  # noqa: C901 - else a frame
    """Take a run to its end on the caller's thread; `reply` answers its last effect."""
    __tracebackhide__ = True
    if tracing.wants(run):
        with tracing.span(run) as span:
            return span.ended(drive(run, steps, reply))
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
        elif type(effect) in WAITS:
            reply = WAITS[type(effect)](run, effect)
        else:
            reply = table[type(effect)](run, effect)


@calls_users
async def adrive(run: Execution, steps: Steps[End], reply: Any = None) -> End:
    """Take a run to its end on the caller's event loop; `reply` answers its last effect."""
    __tracebackhide__ = True
    if tracing.wants(run):
        with tracing.span(run) as span:
            return span.ended(await adrive(run, steps, reply))
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
                reply = run.raised(sessions.for_loop(exc))
            if run.place is not place():
                forked: End = run.end_in_child(reply)
                return forked
        else:
            reply = await aperform(run, effect)


def perform(run: Execution, effect: Effect) -> Any:
    """Perform any effect but the call, on this thread."""
    kind = type(effect)
    return WAITS[kind](run, effect) if kind in WAITS else run.PERFORM[kind](run, effect)


async def aperform(run: Execution, effect: Effect) -> Any:
    """Perform any effect but the call; what waits is awaited."""
    kind = type(effect)
    return await AWAITS[kind](run, effect) if kind in AWAITS else run.PERFORM[kind](run, effect)
