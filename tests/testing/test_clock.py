"""The virtual clock: no test waits, and every record shows the wait."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato import flow, get_client, task
from legato._sdk import stand_in
from legato._sdk.threads import Threads
from legato.testing import VirtualClock, harness, virtual_clock
from legato.testing._stillness import Stillness

DAY = 86_400
ONE_DAY = timedelta(days=1)
SOON = timedelta(minutes=5)  # what a loaded machine may take for real


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with harness(clock="virtual") as test:
        assert test.clock is not None
        yield test.clock


def flaky(failures: int, **options: Any) -> Any:
    """Return a task that fails so often before it succeeds."""
    tries: list[int] = []

    @task(retry_delay_seconds=DAY, **options)
    def attempt() -> int:
        tries.append(1)
        if len(tries) <= failures:
            raise ConnectionError("come back tomorrow")
        return len(tries)

    return attempt


def the_task_run() -> Any:
    [run] = get_client(sync_client=True).read_task_runs()
    return run


def test_a_retry_delay_of_a_day_takes_no_time_and_shows_as_a_day(clock: VirtualClock) -> None:
    began = time.monotonic()
    attempt = flaky(2, retries=2)
    assert flow(lambda: attempt())() == 3
    assert time.monotonic() - began < 60
    run = the_task_run()
    assert 2 * ONE_DAY <= run.end_time - run.start_time < 2 * ONE_DAY + SOON
    states = get_client(sync_client=True).read_task_run_states(run.id)
    delays = [b.timestamp - a.timestamp for a, b in pairwise(states)]
    assert sum(delay >= ONE_DAY - SOON for delay in delays) == 2
    [flow_run] = get_client(sync_client=True).read_flow_runs()
    assert flow_run.end_time - flow_run.start_time >= 2 * ONE_DAY


def test_an_async_flow_waits_on_its_loop_without_blocking_it(clock: VirtualClock) -> None:
    order: list[str] = []

    def late(name: str, days: int) -> Any:
        @flow(name=name, retries=1, retry_delay_seconds=days * DAY)
        async def around() -> None:
            order.append(name)
            if order.count(name) == 1:
                raise ConnectionError(name)

        return around

    async def both() -> None:
        await asyncio.gather(late("slow", 2)(), late("quick", 1)())

    before = clock.now()
    asyncio.run(both())
    assert order == ["slow", "quick", "quick", "slow"]
    assert 2 * ONE_DAY <= clock.now() - before < 2 * ONE_DAY + SOON


def test_waits_of_threads_overlap(clock: VirtualClock) -> None:
    before = clock.now()
    attempts = [flaky(1, retries=1) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda attempt: attempt(), attempts)) == [2] * 8
    assert ONE_DAY <= clock.now() - before < ONE_DAY + SOON


@given(waits=st.lists(st.integers(1, 10**7), min_size=1, max_size=6))
def test_who_waits_wakes_in_order_and_never_early(waits: list[int]) -> None:
    clock = VirtualClock()
    woken: list[int] = []
    barrier = threading.Barrier(len(waits))

    def wait(seconds: int) -> None:
        barrier.wait()
        until = clock.monotonic() + seconds
        clock.sleep(seconds)
        assert clock.monotonic() >= until
        woken.append(seconds)

    with ThreadPoolExecutor(len(waits)) as pool:
        list(pool.map(wait, waits))
    assert woken == sorted(waits)


def test_a_thread_that_gets_on_holds_up_the_jump(clock: VirtualClock) -> None:
    done = threading.Event()
    at_end: list[datetime] = []

    def work() -> None:
        for _ in range(3):
            sum(range(200_000))
        at_end.append(clock.now())
        done.set()

    before = clock.now()
    worker = threading.Thread(target=work)
    worker.start()
    clock.sleep(DAY)
    worker.join()
    assert at_end[0] - before < ONE_DAY


def test_a_thread_that_never_rests_does_not_stop_time(clock: VirtualClock) -> None:
    enough = threading.Event()

    def spin() -> None:
        while not enough.is_set():
            sum(range(1000))

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        before = clock.now()
        clock.sleep(DAY)
        assert clock.now() - before >= ONE_DAY
    finally:
        enough.set()
        spinner.join()


def test_threads_that_wait_for_a_job_do_not_hold_up_the_jump() -> None:
    done = threading.Event()
    threads = Threads("idle")
    threads.add(done.set)
    done.wait()
    stillness, until = Stillness(), time.monotonic() + 60
    try:
        while not stillness.look():
            assert time.monotonic() < until, "an idle thread counts as one at work"
    finally:
        threads.close()


def test_a_timeout_ends_a_wait_that_goes_beyond_it(clock: VirtualClock) -> None:
    attempt = flaky(1, retries=1)

    @flow(timeout_seconds=60)
    def impatient() -> None:
        attempt()

    state = impatient(return_state=True)
    assert state.name == "TimedOut"
    [run] = get_client(sync_client=True).read_flow_runs()
    minute = timedelta(seconds=60)
    assert minute <= run.end_time - run.start_time < minute + SOON


def test_a_timeout_ends_an_async_wait_that_goes_beyond_it(clock: VirtualClock) -> None:
    @task(retries=1, retry_delay_seconds=DAY)
    async def attempt() -> None:
        raise ConnectionError

    @flow(timeout_seconds=60)
    async def impatient() -> None:
        await asyncio.gather(attempt(), attempt())

    state = asyncio.run(impatient(return_state=True))
    assert state.name == "TimedOut"


def test_the_own_timeout_of_a_task_ends_a_sleep_in_its_body(clock: VirtualClock) -> None:
    @task(timeout_seconds=5)
    def sleepy() -> None:
        clock.sleep(DAY)

    assert sleepy(return_state=True).name == "TimedOut"


def test_a_timeout_that_is_long_enough_does_no_harm(clock: VirtualClock) -> None:
    attempt = flaky(1, retries=1, timeout_seconds=10)
    patient = flow(timeout_seconds=2 * DAY)(lambda: attempt())
    assert patient() == 2


def test_a_clock_that_is_advanced_wakes_who_is_due(clock: VirtualClock) -> None:
    before = clock.now()
    clock.advance(ONE_DAY)
    clock.advance(60)
    assert clock.now() - before >= ONE_DAY + timedelta(seconds=60)
    with pytest.raises(ValueError, match="by zero or more seconds, not by -1"):
        clock.advance(-1)


def test_code_outside_of_a_virtual_clock_lives_in_real_time() -> None:
    with virtual_clock() as clock, virtual_clock() as same:
        assert same is clock
        clock.advance(ONE_DAY)
        assert stand_in.clock is clock
    assert stand_in.clock is None
    with harness():
        flow(name="later")(lambda: None)()
        [run] = get_client(sync_client=True).read_flow_runs()
        assert run.start_time - datetime.now(UTC) < SOON


def test_a_forked_child_waits_by_the_clock_too(clock: VirtualClock) -> None:
    asleep, ended = threading.Event(), threading.Event()

    def wait() -> None:
        asleep.set()
        clock.sleep(DAY)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    asleep.wait()
    child = os.fork()
    if child == 0:
        clock.sleep(DAY)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    thread.join()
    assert ended.is_set()


def test_a_users_own_sleep_can_be_put_under_the_clock(clock: VirtualClock) -> None:
    sleep: Callable[[float], None] = clock.sleep
    polls = iter([False, False, True])

    @flow
    def poll() -> int:
        count = 0
        while not next(polls):
            count += 1
            sleep(3600)
        return count

    before = clock.now()
    assert poll() == 2
    assert clock.now() - before >= timedelta(hours=2)
