"""Cache policies: what their keys are made of, how they are put together, and bad input."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato._sdk.cache_keys import CacheKey, cache_key, key_of
from legato._sdk.cache_options import checked_expiration
from legato.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    NONE,
    RUN_ID,
    TASK_SOURCE,
    CacheKeyFnPolicy,
    CachePolicy,
    CompoundCachePolicy,
    Inputs,
    RunId,
)
from legato.context import FlowRunContext, TaskRunContext
from legato.exceptions import HashError
from legato.settings import (
    LEGATO_TASKS_DEFAULT_NO_CACHE,
    LEGATO_TASKS_DISABLE_CACHING,
    LEGATO_TASKS_REFRESH_CACHE,
    temporary_settings,
)
from legato.tasks import task_input_hash

if TYPE_CHECKING:
    from legato.flows import Flow
    from legato.tasks import Task


def key_of_task(task: Any, *others: Any) -> CacheKey:
    """The key of a task under its policy of now."""
    return cache_key(task, task.cache_policy, *others)


def seen(make: Any = key_of, first: Any = None) -> Any:
    """A task that returns what `make` gives for its own run; `first` is the policy or the task."""
    context = TaskRunContext.get()
    assert context is not None
    around = FlowRunContext.get()
    parameters = {} if around is None else around.parameters
    return make(
        first if first is not None else context.task, context, context.parameters, parameters
    )


def keys(policy: CachePolicy) -> Flow[..., list[CacheKey]]:
    """A flow whose two tasks return their keys under a policy."""

    @task
    def one(x: int, y: int = 0) -> CacheKey:
        found: CacheKey = seen(key_of, policy)
        return found

    @task
    def two(x: int, y: int = 0) -> CacheKey:
        return one.fn(x) if y == 99 else seen(key_of, policy)

    @flow
    def job(p: Any, q: int = 1) -> list[CacheKey]:
        return [one(1), one(1, y=0), one(2), two(1)]

    return job


def same(found: list[CacheKey]) -> list[bool]:
    """Which of the other keys are the first one."""
    return [key.key == found[0].key for key in found[1:]]


def test_inputs_are_compared_with_defaults_filled_in_and_across_tasks() -> None:
    found = keys(INPUTS)("p")
    assert same(found) == [True, False, True]
    assert set(found[0].parts) == {"inputs.x", "inputs.y"}
    assert found[0].parts["inputs.y"] == found[2].parts["inputs.y"]
    assert found[0].spans_runs
    assert keys(INPUTS)("other") == found


def test_an_argument_that_is_taken_out_does_not_count() -> None:
    assert same(keys(INPUTS - "x")("p")) == [True, True, True]
    assert same(keys(DEFAULT - "x")("p")) == [True, True, False]
    assert Inputs(exclude=["x", "y"]) == INPUTS - "x" - "y"
    assert (TASK_SOURCE - "x") is TASK_SOURCE
    assert Inputs() == INPUTS


def test_the_source_of_a_task_is_its_name_and_its_code() -> None:
    assert same(keys(TASK_SOURCE)("p")) == [True, True, False]
    assert set(keys(TASK_SOURCE)("p")[0].parts) == {"task_source"}


def test_flow_parameters_are_compared_with_defaults_filled_in() -> None:
    job = keys(FLOW_PARAMETERS)
    first = job("p")
    assert same([*first, *job("p", 1)]) == [True] * 7
    assert same([first[0], *job("p", 2)]) == [False] * 4
    assert set(first[0].parts) == {"flow_parameters.p", "flow_parameters.q"}


def test_the_run_id_holds_keys_within_a_run_and_outside_of_flows_within_a_task_run() -> None:
    job = keys(RUN_ID)
    first = job("p")
    assert same(first) == [True] * 3
    assert same([first[0], *job("p")]) == [False] * 4
    assert not first[0].spans_runs

    @task
    def alone() -> CacheKey:
        found: CacheKey = seen(key_of, RUN_ID)
        return found

    assert alone().key != alone().key


def test_a_sum_is_made_of_the_parts_of_its_policies() -> None:
    found = keys(DEFAULT)("p")
    assert same(found) == [True, False, False]
    assert set(found[0].parts) == {"inputs.x", "inputs.y", "task_source", "run_id"}
    assert not found[0].spans_runs
    assert keys(INPUTS + TASK_SOURCE)("p")[0].spans_runs


def test_policies_without_a_key_are_left_out_of_a_sum() -> None:
    nothing = CachePolicy.from_cache_key_fn(lambda context, parameters: None)
    assert same(keys(nothing + INPUTS)("p")) == [True, False, True]
    assert keys(nothing)("p")[0] == CacheKey(None, {}, spans_runs=True)
    assert keys(NO_CACHE)("p")[0].key is None
    assert (NO_CACHE + INPUTS) is INPUTS
    assert (INPUTS + NONE) is INPUTS
    assert INPUTS.compute_key(None, {}, {}) is None


class ByDay(CachePolicy):
    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        return f"{task_ctx.task.name}/{inputs['x']}"


class LouderInputs(Inputs):
    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        return f"loud-{super().compute_key(task_ctx, inputs, flow_parameters)}"


def test_the_key_of_a_policy_of_the_users_is_what_it_computes() -> None:
    assert keys(ByDay())("p")[0] == CacheKey("one/1", {"ByDay": "one/1"}, spans_runs=True)
    both = keys(ByDay() + RUN_ID)("p")[0]
    assert both.parts["ByDay"] == "one/1"
    assert both.key not in (None, "one/1")
    assert not both.spans_runs
    loud = keys(LouderInputs())("p")[0]
    assert loud.key == f"loud-{keys(INPUTS)('p')[0].key}"


def test_the_key_of_a_function_is_what_it_returns() -> None:
    policy = CachePolicy.from_cache_key_fn(lambda context, given: f"{context.task.name}{given}")
    assert keys(policy)("p")[0].key == "one{'x': 1, 'y': 0}"
    assert same(keys(CachePolicy.from_cache_key_fn(task_input_hash))("p")) == [True, False, False]


def test_sums_are_flat_and_leave_out_what_one_of_them_leaves_out() -> None:
    policies = ((INPUTS - "x") + RUN_ID) + (TASK_SOURCE + (INPUTS - "y"))
    assert isinstance(policies, CompoundCachePolicy)
    assert [type(policy).__name__ for policy in policies.policies] == [
        "RunId",
        "TaskSource",
        "Inputs",
    ]
    assert policies.policies[-1] == Inputs(exclude=["x", "y"])


@pytest.mark.parametrize(
    ("option", "one", "other"),
    [
        ("key_storage", "here", "there"),
        ("isolation_level", "SERIALIZABLE", "READ_COMMITTED"),
        ("lock_manager", 1, 2),
    ],
)
def test_policies_that_contradict_each_other_cannot_be_added(
    option: str, one: Any, other: Any
) -> None:
    first, second = INPUTS.configure(**{option: one}), RUN_ID.configure(**{option: other})
    with pytest.raises(ValueError) as caught:
        first + second
    assert all(
        word in str(caught.value) for word in (option, "Inputs", "RunId", str(one), str(other))
    )
    summed = first + RUN_ID
    assert getattr(summed, option) == one
    assert getattr(summed - "x", option) == one
    assert getattr(RUN_ID + first, option) == one
    assert getattr(INPUTS, option) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: INPUTS + "x", "A cache policy is added to a cache policy, not to 'x'"),
        (lambda: INPUTS - 1, "the name of an argument is taken, not 1"),
        (lambda: INPUTS.configure(isolation_level="high"), "'READ_COMMITTED' or 'SERIALIZABLE'"),
        (lambda: Inputs(isolation_level="high"), "isolation_level must be"),
        (lambda: task(cache_policy=Inputs)(seen), r"write Inputs\(\)"),
        (lambda: task(cache_policy=lambda c, p: "x")(seen), "is given as cache_key_fn"),
        (lambda: task(cache_policy="INPUTS")(seen), "must be a cache policy, not 'INPUTS'"),
        (lambda: task(cache_key_fn="x")(seen), "cache_key_fn must be callable, not 'x'"),
        (lambda: task(cache_expiration="1h")(seen), "timedelta or a number of seconds, not '1h'"),
        (lambda: task(cache_expiration=-1)(seen), "must be longer than nothing"),
        (lambda: task(refresh_cache=1)(seen), "refresh_cache must be True, False or None, not 1"),
        (lambda: CachePolicy().compute_key(None, {}, {}), "CachePolicy has to define compute_key"),
    ],
)
def test_bad_input_is_an_error_that_names_the_way_out(wrong: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError, NotImplementedError), match=said):
        wrong()


def with_lock(**options: Any) -> Task[..., CacheKey]:
    @task(**options)
    def work(x: int, lock: Any) -> CacheKey:
        found: CacheKey = seen(key_of_task)
        return found

    return work


def test_an_argument_without_content_is_an_error_under_a_policy_that_the_task_names() -> None:
    with pytest.raises(HashError) as caught:
        with_lock(cache_policy=INPUTS)(1, {"inner": [threading.Lock()]})
    assert "The argument lock['inner'][0] is a _thread.lock" in str(caught.value)
    assert "(cache_policy=INPUTS - 'lock')" in str(caught.value)
    left_out = with_lock(cache_policy=INPUTS - "lock")(1, threading.Lock())
    assert set(left_out.parts) == {"inputs.x"}


def test_an_argument_without_content_costs_the_caching_that_nobody_asked_for() -> None:
    found = with_lock()(1, threading.Lock())
    assert found.key is None
    assert found.problem is not None
    assert found.problem.startswith("The result of task 'work' is not cached. The argument lock is")
    assert with_lock()(1, None).key is not None


@pytest.mark.parametrize(
    ("answer", "said"),
    [(lambda: 1 / 0, "ZeroDivisionError"), (lambda: 5, "must be a string or None, but")],
    ids=["raises", "is no text"],
)
def test_a_cache_key_fn_that_gives_no_key_costs_the_caching(answer: Any, said: str) -> None:
    found = with_lock(cache_key_fn=lambda context, parameters: answer())(1, None)
    assert found.key is None
    assert found.problem is not None
    assert "The cache key of task 'work' could not be made" in found.problem
    assert said in found.problem


def test_what_a_task_says_of_its_caching() -> None:
    plain = task(seen)
    assert plain.cache_policy == DEFAULT
    assert plain.cache_expiration is plain.refresh_cache is plain.cache_key_fn is None
    assert task(cache_policy=INPUTS)(seen).cache_policy is INPUTS
    assert task(cache_policy=None)(seen).cache_policy is None
    assert task(result_storage_key="x")(seen).cache_policy is None
    assert task(persist_result=False)(seen).cache_policy is NO_CACHE
    assert task(cache_key_fn=task_input_hash)(seen).cache_policy == CacheKeyFnPolicy(
        cache_key_fn=task_input_hash
    )
    assert task(cache_expiration=90)(seen).cache_expiration == timedelta(minutes=1.5)
    assert task(cache_expiration=timedelta(1))(seen).cache_expiration == timedelta(days=1)
    assert checked_expiration(None) is None


def test_who_asks_for_caching_keeps_results() -> None:
    asked: dict[str, Any] = {
        "nothing": {},
        "policy": {"cache_policy": INPUTS},
        "function": {"cache_key_fn": task_input_hash},
        "no cache": {"cache_policy": NO_CACHE},
        "none": {"cache_policy": None},
        "expiration": {"cache_expiration": 5},
    }
    kept = {name: task(**options)(seen).persist_result for name, options in asked.items()}
    assert kept == {
        "nothing": None,
        "policy": True,
        "function": True,
        "no cache": None,
        "none": None,
        "expiration": None,
    }


def test_options_that_have_no_effect_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="no effect beside cache_key_fn") as warned:
        both = task(cache_policy=INPUTS, cache_key_fn=task_input_hash)(seen)
    assert warned[0].filename == __file__
    assert isinstance(both.cache_policy, CacheKeyFnPolicy)
    with pytest.warns(UserWarning, match="no effect with persist_result=False"):
        unkept = task(cache_policy=INPUTS, persist_result=False)(seen)
    assert unkept.cache_policy is NO_CACHE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task(cache_policy=NO_CACHE, persist_result=False)(seen)


def test_a_new_policy_takes_the_place_of_the_old_function_and_the_other_way() -> None:
    by_function = task(cache_key_fn=task_input_hash)(seen)
    assert by_function.with_options(cache_policy=INPUTS).cache_policy is INPUTS
    by_policy = task(cache_policy=INPUTS, cache_expiration=5)(seen)
    changed = by_policy.with_options(cache_key_fn=task_input_hash)
    assert isinstance(changed.cache_policy, CacheKeyFnPolicy)
    assert changed.cache_expiration == timedelta(seconds=5)
    assert by_policy.with_options(refresh_cache=True).cache_policy is INPUTS
    assert by_policy.with_options(refresh_cache=True).refresh_cache is True
    assert by_policy.with_options(cache_policy=None).cache_policy is None


def test_settings_hold_at_the_time_of_the_call() -> None:
    plain, named = task(seen), task(cache_policy=INPUTS)(seen)
    pinned = task(refresh_cache=False)(seen)
    with temporary_settings({LEGATO_TASKS_DEFAULT_NO_CACHE: True}):
        assert (plain.cache_policy, named.cache_policy) == (NO_CACHE, INPUTS)
    with temporary_settings({LEGATO_TASKS_DISABLE_CACHING: True}):
        assert (plain.cache_policy, named.cache_policy) == (NO_CACHE, NO_CACHE)
    with temporary_settings({LEGATO_TASKS_REFRESH_CACHE: True}):
        assert (plain.refreshes_cache, pinned.refreshes_cache) == (True, False)
    assert (plain.refreshes_cache, plain.cache_policy) == (False, DEFAULT)


def test_policies_travel() -> None:
    for policy in (
        DEFAULT,
        NO_CACHE,
        INPUTS - "x",
        RunId().configure(isolation_level="SERIALIZABLE"),
    ):
        assert pickle.loads(pickle.dumps(policy)) == policy


def test_tasks_that_name_no_policy_load_none() -> None:
    code = """
import sys
from legato import flow, task
@task
def one(x): return x
@flow
def job(): return one(1)
job()
found = [name for name in sys.modules if name.startswith("legato._s")]
print([name for name in found if "cache" in name or "hashing" in name])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
