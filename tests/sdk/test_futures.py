"""Futures: waiting, callbacks, order of arrival, pickling."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from legato import flow, task
from legato.exceptions import SerializationError
from legato.futures import (
    PrefectFuture,
    as_completed,
    resolve_futures_to_results,
    resolve_futures_to_states,
    wait,
)

WAIT_S = 30


@task
def double(x: int) -> int:
    return 2 * x


@task
def bad() -> None:
    raise ValueError("no")


def in_flow(body: Callable[[], Any]) -> Any:
    """Run `body` as a flow."""
    return flow(body, name="test")()


class Gate:
    """Opens for tasks that wait."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.task = task(self.event.wait, name="held")

    def held(self) -> Any:
        return self.task.submit(WAIT_S)


def test_results_states_and_waits_of_one_future() -> None:
    def body() -> None:
        future, failed = double.submit(2), bad.submit()
        assert future.result() == future.result(timeout=0) == 4
        assert (future.state.name, future.state.result()) == ("Completed", 4)
        assert future.state.state_details.task_run_id == future.task_run_id
        with pytest.raises(ValueError, match="no"):
            failed.result()
        assert isinstance(failed.result(raise_on_failure=False), ValueError)
        assert isinstance(future, PrefectFuture)

    in_flow(body)


def test_a_wait_with_a_timeout_returns_and_a_result_raises() -> None:
    gate = Gate()

    def body() -> None:
        future = gate.held()
        future.wait(timeout=0)
        assert not future.done
        with pytest.raises(TimeoutError, match="held-0"):
            future.result(timeout=0.001)
        with pytest.raises(ValueError, match="negative"):
            future.wait(timeout=-1)
        assert [len(group) for group in wait([future, double.submit(1)], timeout=0.2)] == [1, 1]
        gate.event.set()

    in_flow(body)


def test_a_list_of_futures_waits_for_all() -> None:
    def body() -> None:
        futures = double.map([1, 2])
        futures.wait()
        assert all(future.done for future in futures)
        assert futures.result() == [2, 4]
        both = [double.submit(1), bad.submit()]
        mixed = type(futures)(both)
        assert repr(mixed.result(raise_on_failure=False)) == "[2, ValueError('no')]"

    in_flow(body)


def test_a_done_callback_sees_the_final_state_once() -> None:
    gate, seen = Gate(), []

    def note(future: Any) -> None:
        seen.append(future.state.name)

    def body() -> None:
        future = gate.held()
        future.add_done_callback(note)
        assert not seen
        gate.event.set()
        future.wait()
        future.add_done_callback(note)  # late: called at once

    in_flow(body)
    assert seen == ["Completed", "Completed"]


def test_a_callback_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def body() -> int:
        future = double.submit(1)
        future.add_done_callback(lambda _: 1 / 0)
        return future.result()

    assert in_flow(body) == 2
    assert "ZeroDivisionError" in caplog.text


def test_futures_arrive_in_the_order_of_their_ends() -> None:
    gate = Gate()

    def body() -> list[Any]:
        held, quick = gate.held(), double.submit(1)
        arriving = as_completed([held, quick, quick])
        first = next(arriving)
        gate.event.set()
        return [future.result() for future in (first, *arriving)]

    assert in_flow(body) == [2, True]


def test_waiting_for_arrivals_has_an_end() -> None:
    gate = Gate()

    def body() -> None:
        with pytest.raises(TimeoutError, match=r"1 \(of 2\)"):
            list(as_completed([gate.held(), double.submit(1)], timeout=0.2))
        gate.event.set()

    in_flow(body)


def test_futures_in_containers_give_way_to_states_and_results() -> None:
    def body() -> None:
        nested = {"a": [double.submit(1)], "b": 3}
        assert resolve_futures_to_results(nested) == {"a": [2], "b": 3}
        states = resolve_futures_to_states(nested)
        assert (states["a"][0].name, states["b"]) == ("Completed", 3)

    in_flow(body)


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_ended_futures_are_pickled_and_unfinished_ones_say_no(pickler: Any) -> None:
    gate = Gate()

    def body() -> None:
        for future in (double.submit(1), bad.submit()):
            future.wait()
            copy = pickle.loads(pickler.dumps(future))
            assert copy.task_run_id == future.task_run_id
            assert repr(copy.result(raise_on_failure=False)) == repr(
                future.result(raise_on_failure=False)
            )
        with pytest.raises(SerializationError, match="before the run has ended"):
            pickler.dumps(gate.held())
        gate.event.set()

    in_flow(body)


def test_a_future_says_what_it_is_of() -> None:
    def body() -> str:
        future = double.submit(1)
        future.wait()
        return repr(future)

    assert in_flow(body) == "<Future 'double-0' Completed>"


def test_an_ended_future_keeps_nothing_that_the_task_was_given() -> None:
    import weakref

    class Big:
        pass

    @task
    def take(x: Any) -> int:
        return 1

    def body() -> bool:
        big = Big()
        alive = weakref.ref(big)
        future = take.submit(big)
        future.wait()
        double.submit(1).wait()  # the thread has something else in hand
        del big
        assert future.done
        return alive() is None

    assert in_flow(body)
