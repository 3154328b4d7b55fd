"""What users hold is pickled and cloudpickled: tasks, flows, methods, states."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from legato import State, flow, task
from legato.exceptions import TerminationSignal
from legato.states import Completed, Failed

SCRIPT = Path(__file__).parent / "scripts" / "pickled_main.py"
PICKLERS = pytest.mark.parametrize("pickler", [pickle, cloudpickle])


@task(retries=1)
def double(x: int) -> int:
    return 2 * x


quick = double.with_options(name="quick", tags=["t"], retries=3)


@flow(log_prints=True)
def chain(x: int) -> int:
    return double(double(x))


class Scaler:
    def __init__(self, k: int) -> None:
        self.k = k

    @task
    def scale(self, x: int) -> int:
        return self.k * x

    @classmethod
    @task
    def name(cls) -> str:
        return cls.__name__


def again(pickler: Any, value: Any) -> Any:
    return pickle.loads(pickler.dumps(value))


@PICKLERS
def test_tasks_and_flows_of_a_module_stay_themselves(pickler: Any) -> None:
    chain(1)  # makes what is derived
    assert again(pickler, double) is double
    assert again(pickler, chain) is chain


@PICKLERS
def test_copies_with_other_options_keep_them(pickler: Any) -> None:
    copy = again(pickler, quick)
    assert (copy.name, copy.tags, copy.retries, copy(2)) == ("quick", {"t"}, 3, 4)
    assert copy.fn is double.fn


@PICKLERS
def test_bound_methods_keep_their_object(pickler: Any) -> None:
    assert again(pickler, Scaler(3).scale)(2) == 6
    assert again(pickler, Scaler.scale) is Scaler.scale


def test_local_tasks_are_cloudpickled_by_value() -> None:
    @task(name="local")
    def triple(x: int) -> int:
        return 3 * x if x < 10 else triple(1)

    copy = again(cloudpickle, triple)
    assert (copy.name, copy(2), copy(11)) == ("local", 6, 3)
    assert copy is not triple


@PICKLERS
@pytest.mark.parametrize("value", [Completed(data=3), Failed(message="no"), double.state])
def test_states_keep_all(pickler: Any, value: Any) -> None:
    state: State = value(2) if callable(value) else value
    copy = again(pickler, state)
    assert copy == state
    assert type(copy) is type(state)
    assert repr(copy.result(raise_on_failure=False)) == repr(state.result(raise_on_failure=False))


@PICKLERS
def test_a_state_without_a_value_still_returns_none(pickler: Any) -> None:
    @task
    def nothing() -> None:
        return None

    assert again(pickler, nothing(return_state=True)).result() is None


@pytest.mark.parametrize("how", ["pickle", "cloudpickle"])
def test_tasks_of_the_main_module_reach_another_process(how: str) -> None:
    run = subprocess.run(
        [sys.executable, SCRIPT, how], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout) == (0, "[2, 4, 6]\n"), run.stderr


def test_the_signal_that_ends_a_process_pickles_and_says_its_number_once() -> None:
    again = pickle.loads(pickle.dumps(TerminationSignal(15)))

    assert (again.signal, str(again)) == (15, "signal 15")
