"""Of those who want one cached result at once, one makes it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier, Event, Semaphore, Thread
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato.cache_policies import INPUTS

if TYPE_CHECKING:
    from pathlib import Path

calls: Counter[Any] = Counter()


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


def in_threads(count: int, fn: Any, *arguments: Any) -> list[Any]:
    """Call a function in many threads at once; return what they returned."""
    begin = Barrier(count)

    def call(_: int) -> Any:
        begin.wait()
        return fn(*arguments)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def test_a_thousand_calls_of_a_hundred_threads_make_it_once():
    @task(cache_policy=INPUTS)
    def work(value: int) -> list[int]:
        calls[value] += 1
        assert all_came.wait(30)
        return [value]

    def ten_times() -> list[Any]:
        coming.release()
        return [work(7) for _ in range(10)]

    def see_them_come() -> None:
        for _ in range(100):
            coming.acquire()
        all_came.set()

    coming, all_came = Semaphore(0), Event()
    Thread(target=see_them_come).start()
    assert in_threads(100, ten_times) == [[[7]] * 10] * 100
    assert calls == {7: 1}


def test_a_thousand_coroutines_make_it_once_and_the_loop_goes_on():
    @task(cache_policy=INPUTS)
    async def work(value: int) -> list[int]:
        calls[value] += 1
        await asyncio.sleep(0)
        ticked.set()
        await ticks.wait()
        return [value]

    @flow(persist_result=False)
    async def job() -> list[Any]:
        wanted = asyncio.gather(*(work(7) for _ in range(1000)))
        await ticked.wait()  # the holder is at work, and so is the loop
        ticks.set()
        return await wanted

    ticked, ticks = asyncio.Event(), asyncio.Event()
    assert asyncio.run(job()) == [[7]] * 1000
    assert calls == {7: 1}


def test_who_fails_leaves_it_to_the_next():
    @task(cache_policy=INPUTS)
    def work(value: int) -> int:
        calls[value] += 1
        if calls[value] == 1:
            raise ValueError("the first one fails")
        return value

    def tried() -> object:
        return work(7, return_state=True).type.value

    assert Counter(in_threads(20, tried)) == {"FAILED": 1, "COMPLETED": 19}
    assert calls == {7: 2}


def test_who_refreshes_does_not_wait_and_others_wait_for_it():
    at_work, go_on = Event(), Event()

    @task(cache_policy=INPUTS)
    def work(value: int) -> int:
        calls[value] += 1
        at_work.set()
        assert go_on.wait(30)
        return calls[value]

    fresh = work.with_options(refresh_cache=True)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(fresh, 7)
        assert at_work.wait(30)
        second = pool.submit(work, 7)
        third = pool.submit(fresh, 7)
        while calls[7] < 2:  # the second refresher does not wait
            at_work.wait(0.001)
        go_on.set()
        assert {first.result(30), third.result(30)} <= {1, 2}
        assert second.result(30) in (1, 2)
    assert calls == {7: 2}


def test_a_task_that_calls_itself_does_not_wait_for_itself():
    @task(cache_policy=INPUTS)
    def work(value: int) -> int:
        calls[value] += 1
        return work(value) if calls[value] < 3 else value

    @flow(persist_result=False)
    def job() -> int:
        return work(7)

    assert job() == 7
    assert calls == {7: 3}


@pytest.mark.parametrize("isasync", [False, True])
def test_two_that_want_what_the_other_makes_do_not_wait_for_ever(isasync):
    """A makes 1 and wants 2, B makes 2 and wants 1."""
    both = Barrier(2)

    @task(cache_key_fn=lambda _, parameters: f"key-{parameters['mine']}")
    def made(mine: int, theirs: int | None = None) -> int:
        calls[mine] += 1
        if theirs is not None:
            both.wait(30)
            made(theirs)
        return mine

    @task(cache_key_fn=lambda _, parameters: f"key-{parameters['mine']}")
    async def amade(mine: int, theirs: int | None = None) -> int:
        calls[mine] += 1
        if theirs is not None:
            await asyncio.to_thread(both.wait, 30)
            await amade(theirs)
        return mine

    async def pair() -> list[int]:
        return list(await asyncio.gather(amade(1, 2), amade(2, 1)))

    if isasync:
        assert asyncio.run(asyncio.wait_for(pair(), 30)) == [1, 2]
    else:
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(made, (1, 2), (2, 1))) == [1, 2]
    assert sum(calls.values()) == 3  # one of them made the other's, too


def test_explicit_read_committed_lets_nobody_wait():
    both = Barrier(2)

    @task(cache_policy=INPUTS.configure(isolation_level="READ_COMMITTED"))
    def work(value: int) -> int:
        calls[value] += 1
        both.wait(30)
        return value

    assert in_threads(2, work, 7) == [7, 7]
    assert calls == {7: 2}


PROGRAM = """
import asyncio, os, sys
from concurrent.futures import ThreadPoolExecutor
from legato import flow, task
from legato.cache_policies import INPUTS

def note(line):
    with open("calls", "a") as file:
        file.write(line + "\\n")

@task(cache_key_fn=lambda _, parameters: f"key-{parameters['mine']}")
def work(mine, theirs=None):
    note(f"work {mine}")
    if theirs is not None:
        print("at work", flush=True)
        sys.stdin.readline()
        work(theirs)
    return mine

@task(cache_key_fn=lambda _, parameters: f"key-{parameters['mine']}")
async def awork(mine):
    note(f"work {mine}")
    await asyncio.sleep(0.05)
    return mine

async def many():
    return await asyncio.gather(*(awork(7) for _ in range(125)))

print("ready", flush=True)
sys.stdin.readline()
"""
MANY = """
with ThreadPoolExecutor(25) as pool:
    found = list(pool.map(work, [7] * 125))
found += asyncio.run(many())
assert found == [7] * 250, found
"""
PAIR = "assert work(int(sys.argv[1]), int(sys.argv[2])) == int(sys.argv[1])"


Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture
def started(tmp_path: Path, home: Path) -> Generator[Start]:
    """Start processes that are ready to call."""
    with ExitStack() as stack:

        def start(end: str, *arguments: object) -> Process:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM + end, *map(str, arguments)],
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert said(process) == "ready"
            return process

        yield start


def said(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(*processes: Process) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def made(tmp_path: Path) -> Counter[str]:
    return Counter((tmp_path / "calls").read_text().splitlines())


def test_four_processes_of_250_callers_make_it_once(started, tmp_path):
    processes = [started(MANY) for _ in range(4)]
    go_on(*processes)
    assert [process.wait(60) for process in processes] == [0] * 4
    assert made(tmp_path) == {"work 7": 1}


def test_two_processes_that_want_what_the_other_makes_do_not_wait_for_ever(started, tmp_path):
    processes = [started(PAIR, 1, 2), started(PAIR, 2, 1)]
    go_on(*processes)
    assert [said(process) for process in processes] == ["at work"] * 2
    go_on(*processes)
    assert [process.wait(30) for process in processes] == [0, 0]
    # both may find the other one waiting at the same moment; neither waits for long
    assert sum(made(tmp_path).values()) in (3, 4)


def test_the_death_of_who_makes_it_lets_another_one(started, tmp_path):
    holder, follower = started(PAIR, 1, 2), started("work(1)")
    go_on(holder)
    assert said(holder) == "at work"
    go_on(follower)
    waiting = Thread(target=follower.wait)
    waiting.start()
    os.kill(holder.pid, signal.SIGKILL)
    waiting.join(30)
    assert follower.returncode == 0
    holder.wait()
    assert made(tmp_path) == {"work 1": 2}
