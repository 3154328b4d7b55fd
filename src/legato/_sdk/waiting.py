"""The effects that wait: on the caller's thread, or on its event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from legato._engine.effects import (
    Acquire,
    AskRetry,
    Lookup,
    Outcome,
    Raised,
    Resolve,
    RollBack,
    RunHooks,
    Settle,
    Sleep,
    Stage,
)
from legato._sdk import hooks, turns, waits
from legato._sdk.parking import arrival_of

if TYPE_CHECKING:
    from legato._engine.effects import Draft
    from legato._sdk.drive import Execution
    from legato._sdk.task_execution import TaskExecution


def _sleep(run: Execution, effect: Sleep) -> Raised | None:
    try:
        waits.sleep(effect.seconds)
    except BaseException as exc:  # noqa: BLE001 - Ctrl-C during the wait
        return run.raised(exc)
    return None


async def _asleep(run: Execution, effect: Sleep) -> Raised | None:
    try:
        await waits.asleep(effect.seconds)
    except BaseException as exc:  # noqa: BLE001 - cancelled during the wait
        return run.raised(exc)
    return None


def _resolve(run: Execution, _: Resolve) -> Draft | None:
    try:
        for future in run.upstream():
            future.wait()
    except BaseException as exc:  # noqa: BLE001 - Ctrl-C, or a wait that would never end
        return run.cannot_start(exc)
    return run.resolve()


async def _aresolve(run: Execution, _: Resolve) -> Draft | None:
    try:
        for future in run.upstream():
            await arrival_of(future)
    except BaseException as exc:  # noqa: BLE001 - cancelled during the wait
        return run.cannot_start(exc)
    return run.resolve()


def _settle(run: Execution, effect: Settle) -> Outcome:
    try:
        return run.settle(effect.outcome)
    except BaseException as exc:  # noqa: BLE001 - Ctrl-C during the wait
        return run.settle(run.raised(exc))


async def _asettle(run: Execution, effect: Settle) -> Outcome:
    try:
        return await run.asettle(effect.outcome)
    except BaseException as exc:  # noqa: BLE001 - cancelled during the wait
        return await run.asettle(run.raised(exc))


def _acquire(run: Execution, _: Acquire) -> Raised | None:
    from legato._sdk import tag_limits

    return tag_limits.stand(run)


async def _aacquire(run: Execution, _: Acquire) -> Raised | None:
    from legato._sdk import tag_limits

    return await tag_limits.astand(run)


def _look_up(run: TaskExecution, _: Lookup) -> Outcome | None:
    from legato._sdk import caching

    return turns.stand(run, caching.look_up(run))


async def _alook_up(run: TaskExecution, _: Lookup) -> Outcome | None:
    from legato._sdk import caching

    return await turns.astand(run, caching.look_up(run))


def _stage(run: Execution, effect: Stage) -> None:
    from legato._sdk import transaction_runs, transaction_steps

    transaction_steps.finish(transaction_runs.stage(run, effect.draft))


async def _astage(run: Execution, effect: Stage) -> None:
    from legato._sdk import transaction_runs, transaction_steps

    await transaction_steps.afinish(transaction_runs.stage(run, effect.draft))


def _roll_back(run: Execution, effect: RollBack) -> None:
    if run.may_roll_back():
        from legato._sdk import transaction_runs, transaction_steps

        transaction_steps.finish(transaction_runs.roll_back(run, effect.retried))


async def _aroll_back(run: Execution, effect: RollBack) -> None:
    if run.may_roll_back():
        from legato._sdk import transaction_runs, transaction_steps

        await transaction_steps.afinish(transaction_runs.roll_back(run, effect.retried))


WAITS: Mapping[type, Callable[[Any, Any], Any]] = {
    Sleep: _sleep,
    Acquire: _acquire,
    Lookup: _look_up,
    RunHooks: lambda run, effect: hooks.run_all(run.hook_calls(effect)),
    AskRetry: lambda run, effect: hooks.ask(run.condition_call(effect)),
    Resolve: _resolve,
    Settle: _settle,
    Stage: _stage,
    RollBack: _roll_back,
}
AWAITS: Mapping[type, Callable[[Any, Any], Awaitable[Any]]] = {
    Sleep: _asleep,
    Acquire: _aacquire,
    Lookup: _alook_up,
    RunHooks: lambda run, effect: hooks.arun_all(run.hook_calls(effect)),
    AskRetry: lambda run, effect: hooks.aask(run.condition_call(effect)),
    Resolve: _aresolve,
    Settle: _asettle,
    Stage: _astage,
    RollBack: _aroll_back,
}
