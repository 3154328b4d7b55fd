"""Random outcomes through the engine's generators: what must hold of every life of a run."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from legato._engine.effects import Draft, Held, Raised, Returned, Stopped
from legato._engine.flow_run import FlowPlan, flow_run
from legato._engine.rules import RunView, decide
from legato._engine.task_run import TaskPlan, task_run
from legato._model.flow_runs import FlowRunPolicy
from legato._model.retries import RetryPolicy
from legato._model.states import TERMINAL, State, StateType
from legato._model.transitions import FLOW_RUN, TASK_RUN, is_legal

from .world import World, outcomes

policies = st.builds(
    RetryPolicy,
    st.integers(0, 3),
    st.lists(st.floats(0, 5), max_size=3).map(tuple),
    st.sampled_from([None, 0.5]),
)
plans = st.builds(TaskPlan, retry=policies, asks_condition=st.booleans(), timeout=st.just(2.0))
flow_plans = st.builds(FlowPlan, retry=policies, timeout=st.just(2.0))


@given(plan=plans, outcomes=outcomes, seed=st.randoms(use_true_random=False))
def test_a_task_run_ends_terminal_by_legal_steps(plan: TaskPlan, outcomes: Any, seed: Any) -> None:
    world = World(outcomes, seed)
    state, _ = world.live(task_run(plan))
    assert state.type in TERMINAL
    _assert_legal(world.states, TASK_RUN)


@given(plan=flow_plans, outcomes=outcomes, seed=st.randoms(use_true_random=False))
def test_a_flow_run_ends_terminal_or_stopped(plan: FlowPlan, outcomes: Any, seed: Any) -> None:
    world = World(outcomes, seed)
    end = world.live(flow_run(plan))
    assert end.stopped is not None or (end.state is not None and end.state.type in TERMINAL)
    _assert_legal(world.states, FLOW_RUN)


@given(plan=plans, outcomes=outcomes, seed=st.randoms(use_true_random=False))
def test_calls_are_bounded_by_the_retries(plan: TaskPlan, outcomes: Any, seed: Any) -> None:
    world = World(outcomes, seed)
    world.live(task_run(plan))
    assert 1 <= world.calls <= plan.retry.retries + 1


@given(
    steps=st.lists(st.sampled_from(list(StateType)), max_size=12),
    paused=st.booleans(),
)
def test_no_sequence_of_proposals_leaves_a_terminal_state(
    steps: list[StateType], paused: bool
) -> None:
    from .world import state_of

    now: StateType | None = None
    for step in steps:
        proposed = state_of(Draft(type=step))
        verdict = decide(
            RunView(state_type=now, policy=FlowRunPolicy()), proposed, proposed.timestamp
        )
        accepted = type(verdict).__name__ == "Accept"
        if now in TERMINAL:
            assert not accepted
        if accepted:
            assert is_legal(FLOW_RUN, now, step)
            now = step


def _assert_legal(states: list[State], table: Any) -> None:
    before: StateType | None = None
    for state in states:
        assert before not in TERMINAL
        assert is_legal(table, before, state.type), (before, state.type)
        before = state.type


def test_a_stopped_flow_does_not_call_the_function() -> None:
    world = World([], None, answers=[Stopped("fenced")])
    assert world.live(flow_run(FlowPlan())).stopped == "fenced"
    assert world.calls == 0


def test_a_flow_that_must_wait_proposes_again() -> None:
    world = World([Returned(1)], None, answers=[Held(3.0), Held(1.0)])
    end = world.live(flow_run(FlowPlan()))
    assert end.state.type is StateType.COMPLETED
    assert world.slept == [3.0, 1.0]


def test_refused_parameters_fail_the_run_before_it_runs() -> None:
    world = World([], None, refusal=Raised(TypeError("n: not a number"), "error"))
    world.live(flow_run(FlowPlan()))
    created, failed = world.states
    assert (created.type, failed.type) == (StateType.PENDING, StateType.FAILED)
    assert failed.message == (
        "Validation of flow parameters failed with error: TypeError: n: not a number"
    )
    assert world.calls == 0


def test_a_task_run_whose_upstream_failed_does_not_call_the_function() -> None:
    world = World([], None)
    world.blocked = Draft(type=StateType.PENDING, name="NotReady", message="upstream")
    state, draft = world.live(task_run(TaskPlan()))
    assert (state.name, draft, world.calls) == ("NotReady", world.blocked, 0)


def test_a_flow_run_whose_upstream_failed_does_not_call_the_function() -> None:
    world = World([], None)
    world.blocked = Draft(type=StateType.FAILED, message="upstream")
    end = world.live(flow_run(FlowPlan()))
    assert (end.state.message, world.calls) == ("upstream", 0)
