"""What a record says of a task run besides its states: where its arguments came from, its tries."""

from __future__ import annotations

from math import inf, nan

import pytest

from legato import flow, task
from legato.client.orchestration import get_client
from legato.client.schemas.objects import TaskRunResult


class Seconds(float):
    """A number that JSON does not know, as those of numpy."""


class Count(int):
    """Another one."""


@task
def give(value):
    return value


@pytest.fixture
def recorded(home):
    """Return the task runs that there are, by name."""

    def read():
        with get_client(sync_client=True) as client:
            return {run.name: run for run in client.read_task_runs()}

    return read


def origins(run):
    return {name: [one.id for one in found] for name, found in run.task_inputs.items() if found}


def test_a_run_that_is_given_twice_stands_there_once(recorded):
    @flow
    def job():
        made = give.submit(["a"])
        give.submit([made, {"again": made}], wait_for=[made, made]).wait()

    job()
    first, second = (recorded()[f"give-{number}"] for number in range(2))
    assert origins(second) == {"value": [first.id], "wait_for": [first.id]}
    assert second.task_inputs["value"] == [TaskRunResult(id=first.id)]


def test_a_task_in_a_task_says_in_which(recorded):
    @flow
    def sub():
        pass

    @task
    def outer():
        give("text")
        give.submit("text").wait()
        sub()

    @flow
    def job():
        outer()
        give("text")

    job()
    found = recorded()
    outside = found["outer-0"].id
    assert [origins(found[name]).get("__parents__") for name in ("give-0", "give-1", "sub-0")] == [
        [outside]
    ] * 3
    assert "__parents__" not in found["outer-0"].task_inputs | found["give-2"].task_inputs


def test_a_subflow_says_what_it_waited_for(recorded):
    @flow
    def sub(value):
        return value

    @flow
    def job():
        sub(1, wait_for=[give.submit(1)])

    job()
    assert origins(recorded()["sub-0"]) == {"wait_for": [recorded()["give-0"].id]}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (None, None, None)),
        ({"retries": 2}, (2, 0, None)),
        ({"retries": 1, "retry_delay_seconds": 0.01}, (1, 0.01, None)),
        (
            {"retries": 2, "retry_delay_seconds": [0.01, 0.02], "retry_jitter_factor": 0.5},
            (2, [0.01, 0.02], 0.5),
        ),
        (
            {
                "retries": Count(1),
                "retry_delay_seconds": [Seconds(0.5), 1],
                "retry_jitter_factor": Seconds(0.5),
            },
            (1, [0.5, 1.0], 0.5),
        ),
        ({"retries": 1, "retry_delay_seconds": inf}, (1, None, None)),
        ({"retries": 1, "retry_jitter_factor": nan}, (1, 0, None)),
    ],
)
def test_the_record_says_how_often_it_is_tried(options, expected, recorded):
    job = flow(lambda: give.with_options(**options)(1), name="job")
    job()
    policy = recorded()["give-0"].empirical_policy
    found = policy.retries, policy.retry_delay, policy.retry_jitter_factor
    assert found == expected
