"""A user's suite: flows whose tasks try again a day later, each in a test of its own."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from legato import flow, get_client, task

TESTS = int(os.environ.get("SUITE_TESTS", "100"))
DAY = 86_400
pytestmark = pytest.mark.legato_clock("virtual")


def make(number):
    tries = []

    @task(name=f"flaky-{number}", retries=1, retry_delay_seconds=DAY)
    def flaky():
        tries.append(number)
        if len(tries) == 1:
            raise ConnectionError("come back tomorrow")
        return number

    return flaky


def check(name):
    [run] = [r for r in get_client(sync_client=True).read_task_runs() if r.name.startswith(name)]
    assert run.state.is_completed()
    assert run.run_count == 2
    lasted = run.end_time - run.start_time
    assert timedelta(days=1) <= lasted < timedelta(days=1, minutes=1)


@pytest.mark.parametrize("number", range(0, TESTS, 4))
def test_a_flow(number):
    flaky = make(number)
    assert flow(lambda: flaky())() == number
    check(f"flaky-{number}-0")


@pytest.mark.parametrize("number", range(1, TESTS, 4))
def test_an_async_flow(number):
    flaky = make(number)

    @flow
    async def around():
        return flaky()

    assert asyncio.run(around()) == number
    check(f"flaky-{number}-0")


@pytest.mark.parametrize("number", range(2, TESTS, 4))
def test_flows_in_threads(number):
    tasks = [make(f"{number}-{letter}") for letter in "ab"]
    flows = [flow(name=f.name)(lambda f=f: f()) for f in tasks]
    with ThreadPoolExecutor(2) as pool:
        assert len([future.result() for future in [pool.submit(f) for f in flows]]) == 2
    for found in tasks:
        check(f"{found.name}-0")


@pytest.mark.parametrize("number", range(3, TESTS, 4))
def test_a_flow_in_a_home_of_its_own(number, legato_home):
    flaky = make(number)
    assert flow(lambda: flaky())() == number
    check("flaky")
    assert (legato_home / "legato.db").exists()
