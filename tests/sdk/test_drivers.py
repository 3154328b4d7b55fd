"""The two drivers, over the same random outcomes."""

from __future__ import annotations

import asyncio
import random
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato._engine.effects import (
    AskRetry,
    Create,
    DrawRandom,
    Effect,
    Enter,
    Prepare,
    Propose,
    Raised,
    RunHooks,
    Say,
)
from legato._engine.flow_run import FlowPlan, flow_run
from legato._engine.task_run import TaskPlan, task_run
from legato._journal import forks
from legato._model.retries import RetryPolicy
from legato._sdk.drive import Execution, adrive, drive
from legato._sdk.hooks import HookCall
from legato.testing import virtual_clock
from tests.engine.world import World, outcomes


class Rehearsal(Execution):
    """An execution in a world in memory."""

    def __init__(self, world: World, is_async: bool) -> None:
        self.world = world
        self.fn = self._acall if is_async else self._call
        self.args, self.kwargs, self.timeout = (), {}, None
        self.place = forks.place()

    def _call(self) -> Any:
        from legato._engine.effects import CALL

        outcome = self.world.reply(CALL)
        if isinstance(outcome, Raised):
            raise outcome.exception
        return outcome.value

    async def _acall(self) -> Any:
        await asyncio.sleep(0)
        return self._call()

    def _reply(self, effect: Effect) -> Any:
        return self.world.reply(effect)

    PERFORM: ClassVar = dict.fromkeys((Create, Prepare, Enter, Propose, Say, DrawRandom), _reply)

    def hook_calls(self, effect: RunHooks) -> list[HookCall]:
        return []

    def condition_call(self, effect: AskRetry) -> HookCall:
        says = self.world.reply(effect)
        return HookCall(lambda: says, (), None, "Failed")  # type: ignore[arg-type]


policies = st.builds(RetryPolicy, st.integers(0, 3), st.sampled_from([(), (1.0, 2.0)]))


@pytest.fixture(autouse=True, scope="module")
def instant() -> Any:
    with virtual_clock():
        yield


@given(policy=policies, asks=st.booleans(), outcomes=outcomes, seed=st.integers(0, 1000))
def test_task_runs_go_through_the_same_states(
    policy: RetryPolicy, asks: bool, outcomes: Any, seed: int
) -> None:
    plan = TaskPlan(retry=policy, asks_condition=asks)
    one, other = (World(outcomes, random.Random(seed)) for _ in range(2))
    drive(Rehearsal(one, False), task_run(plan))
    asyncio.run(adrive(Rehearsal(other, True), task_run(plan)))
    assert _told(one) == _told(other)
    assert one.calls == other.calls


@given(policy=policies, outcomes=outcomes, seed=st.integers(0, 1000))
def test_flow_runs_go_through_the_same_states(
    policy: RetryPolicy, outcomes: Any, seed: int
) -> None:
    plan = FlowPlan(retry=policy)
    one, other = (World(outcomes, random.Random(seed)) for _ in range(2))
    drive(Rehearsal(one, False), flow_run(plan))
    asyncio.run(adrive(Rehearsal(other, True), flow_run(plan)))
    assert _told(one) == _told(other)


def _told(world: World) -> list[tuple[Any, ...]]:
    return [(state.type, state.name, state.message) for state in world.states]
