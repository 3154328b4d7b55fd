"""What a resumed durable run makes of calls with other inputs, with the time, and without order."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import pytest

from legato import durable, flow, task
from legato._sdk import resumption
from legato.exceptions import ReplayChanged


@task
def double(number: int) -> int:
    return 2 * number


def fail_then(**options: Any) -> tuple[Any, Any, list[int]]:
    """Return a flow that failed once behind a step, its run, and the inputs of its next call."""
    inputs = [1]

    @flow(durable=True, **options)
    def etl() -> int:
        found = double(inputs[0])
        if len(inputs) == 1:
            inputs[0] = 5
            inputs.append(0)
            raise ValueError("on its way")
        return found

    state = etl(return_state=True)
    return etl, state.state_details.flow_run_id, inputs


def test_a_call_with_other_inputs_runs_again_and_says_so(caplog):
    etl, run_id, _ = fail_then()
    assert resumption.resume(run_id, flow=etl) == 10
    assert "number was 1, now 5" in caplog.text


def test_a_call_with_other_inputs_can_take_the_result_that_is_there():
    etl, run_id, _ = fail_then(on_replay_change="reuse")
    assert resumption.resume(run_id, flow=etl) == 2


def test_a_call_with_other_inputs_can_fail_the_run():
    etl, run_id, _ = fail_then(on_replay_change="fail")
    with pytest.raises(ReplayChanged, match="double-0"):
        resumption.resume(run_id, flow=etl)


def test_the_time_of_a_call_is_no_other_input(caplog):
    """`datetime.now()` differs after a resume, and the flow means the same step."""
    calls: list[Any] = []

    @task
    def stamp(name: str, moment: Any) -> str:
        calls.append(name)
        return f"{name} {moment}"

    @flow(durable=True)
    def etl(day: dt.datetime) -> list[str]:
        began = dt.datetime.now(dt.UTC)
        found = [stamp("now", dt.datetime.now(dt.UTC)), stamp("seconds", time.time())]
        found += [stamp("began", began), stamp("day", day), stamp("hour", hours[0])]
        if len(calls) == 5:
            hours.pop(0)
            raise ValueError("on its way")
        return found

    hours = [dt.datetime(2026, 1, 1, hour, tzinfo=dt.UTC) for hour in (1, 2)]
    run_id = etl(
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC), return_state=True
    ).state_details.flow_run_id
    durable.resume(run_id, flow=etl)
    assert calls == ["now", "seconds", "began", "day", "hour", "hour"]
    assert "moment was '2026-01-01T01:00:00Z', now datetime.datetime(2026, 1, 1, 2" in caplog.text


def test_a_step_that_was_left_unfinished_does_not_shift_the_places_of_others():
    """Each try calls it with another time, so it is entered more than once."""
    calls: list[str] = []
    errors = [ConnectionError("no answer"), ValueError("on its way")]

    @task
    def stamp(name: str, moment: dt.datetime) -> str:
        calls.append(name)
        if name == "a" and len(errors) == 2:
            raise errors.pop(0)
        return name

    @flow(durable=True)
    def etl() -> list[str]:
        found = [stamp(name, dt.datetime.now(dt.UTC)) for name in "ab"]
        if errors:
            raise errors.pop()
        return found

    run_id = etl(return_state=True).state_details.flow_run_id
    durable.resume(run_id, flow=etl, return_state=True)
    assert calls == ["a", "a", "b"]
    assert durable.resume(run_id, flow=etl) == ["a", "b"]
    assert calls == ["a", "a", "b"]


def test_steps_that_no_call_asks_for_are_named_at_the_end(caplog):
    inputs = [1, 2, 3]

    @flow(durable=True)
    def etl() -> list[int]:
        found = [double(number) for number in inputs]
        if len(inputs) == 3:
            inputs[:] = [1]
            raise ValueError("on its way")
        return found

    run_id = etl(return_state=True).state_details.flow_run_id
    assert durable.resume(run_id, flow=etl) == [2]
    assert "2 finished steps were not asked for any more: double-1, double-2" in caplog.text


def test_steps_without_order_run_again_unless_they_are_labelled(caplog):
    """Complex numbers are no JSON, and coroutines that wait for each other come in any order."""
    calls: list[str] = []

    @task
    async def half(number: complex) -> float:
        calls.append("half")
        return number.real / 2

    @task
    async def whole(number: complex) -> float:
        calls.append("whole")
        return number.real

    async def branch(number: int) -> float:
        found = await half(complex(number))
        return found + await whole.with_options(step_key=f"{number}")(complex(number))

    @flow(durable=True)
    async def etl() -> list[float]:
        found = list(await asyncio.gather(branch(10), branch(20)))
        if len(calls) == 4:
            raise ValueError("on its way")
        return found

    run_id = asyncio.run(etl(return_state=True)).state_details.flow_run_id
    assert asyncio.run(durable.resume(run_id, flow=etl)) == [15.0, 30.0]
    assert sorted(calls) == ["half"] * 4 + ["whole"] * 2
    assert caplog.text.count("half runs again: its arguments are no JSON") == 1
    assert "not asked for" not in caplog.text


def test_a_subflow_that_is_given_the_time_of_its_call_is_the_same_one(caplog):
    """Finished, it does not run again; left in the middle, it goes on where it was."""
    calls: list[str] = []

    @task
    def step(name: str) -> str:
        calls.append(name)
        return name

    @flow
    def inner(name: str, moment: dt.datetime) -> str:
        found = step(name)
        if name == "b" and calls.count("flow") == 1:
            raise ValueError("on its way")
        return found

    @flow(durable=True)
    def etl() -> list[str]:
        calls.append("flow")
        return [inner(name, dt.datetime.now(dt.UTC)) for name in "ab"]

    run_id = etl(return_state=True).state_details.flow_run_id
    assert durable.resume(run_id, flow=etl) == ["a", "b"]
    assert calls == ["flow", "a", "b", "flow"]
    assert "runs again" not in caplog.text


def test_a_subflow_with_another_input_runs_again_and_says_which(caplog):
    inputs = [1]

    @flow
    def inner(number: int, same: str) -> int:
        return 2 * number

    @flow(durable=True)
    def etl() -> int:
        found = inner(inputs[0], "x")
        if inputs == [1]:
            inputs[0] = 5
            raise ValueError("on its way")
        return found

    run_id = etl(return_state=True).state_details.flow_run_id
    assert durable.resume(run_id, flow=etl) == 10
    assert "inner-0 runs again, as it is called with other inputs: number was 1" in caplog.text
