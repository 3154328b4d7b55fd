"""Whose turn it is among processes of several homes that record through one server."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.processes import Actor

FLIGHTS = """
import asyncio, os, sys
from concurrent.futures import ThreadPoolExecutor
from legato import flow, task
from legato.cache_policies import INPUTS

def note(line):
    with open(os.environ["LEGATO_TEST_CALLS"], "a") as file:
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
    return await asyncio.gather(*(awork(7) for _ in range(25)))
"""
READY = """
print("ready", flush=True)
sys.stdin.readline()
"""
MANY = (
    READY
    + """
with ThreadPoolExecutor(10) as pool:
    found = list(pool.map(work, [7] * 25))
found += asyncio.run(many())
print("found", set(found), len(found), flush=True)
"""
)
PAIR = READY + "print('made', work(int(sys.argv[1]), int(sys.argv[2])), flush=True)"
ONE = READY + "print('made', work(int(sys.argv[1])), flush=True)"
FAILS = (
    READY
    + """
@task(cache_key_fn=lambda *_: "key-7")
def fails():
    note("fails")
    print("at work", flush=True)
    sys.stdin.readline()
    raise ValueError("no")

fails(return_state=True)
print("failed", flush=True)
"""
)
POOL = """
from legato.task_runners import ProcessPoolTaskRunner

@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
def pooled():
    return [future.result() for future in [work.submit(7), work.submit(7)]]

if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print("made", *pooled(), flush=True)
"""
HOLD = """
import sys
from legato.concurrency.sync import concurrency

with concurrency("db"):
    print("held", flush=True)
    sys.stdin.readline()
"""
WAIT = """
import asyncio
from legato.concurrency.asyncio import concurrency

async def wait(n):
    async with concurrency("db"):
        return n

async def main():
    waiting = [asyncio.create_task(wait(n)) for n in range(20)]
    await asyncio.sleep(0)
    print("waiting", flush=True)
    print("done", *(await asyncio.gather(*waiting)), flush=True)

asyncio.run(main())
"""


@pytest.fixture
def elsewhere(server, tmp_path):
    """Start scripts each in a home of its own; all are killed at the end."""
    started = []

    def begin(script, *args):
        home = tmp_path / f"home{len(started)}"
        home.mkdir()
        env = {"LEGATO_API_URL": server.url, "LEGATO_TEST_CALLS": str(tmp_path / "calls")}
        started.append(Actor(home, script, *args, **env))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()


@pytest.fixture
def calls(tmp_path):
    return lambda: Counter((tmp_path / "calls").read_text().splitlines())


def go_on(*actors):
    for actor in actors:
        actor.until("ready")
    for actor in actors:
        actor.tell()


def test_four_processes_of_several_homes_make_a_result_once(server, elsewhere, calls):
    server.start()
    actors = [elsewhere(FLIGHTS + MANY) for _ in range(4)]
    go_on(*actors)
    assert [actor.rest() for actor in actors] == [["found {7} 50"]] * 4
    assert calls() == {"work 7": 1}


def test_two_that_want_what_the_other_makes_do_not_wait_for_ever(server, elsewhere, calls):
    server.start()
    actors = [elsewhere(FLIGHTS + PAIR, 1, 2), elsewhere(FLIGHTS + PAIR, 2, 1)]
    go_on(*actors)
    for actor in actors:
        actor.until("at work")
    for actor in actors:
        actor.tell()
    assert [actor.rest() for actor in actors] == [["made 1"], ["made 2"]]
    assert sum(calls().values()) in (3, 4)  # each may see the other one wait


def test_who_waits_makes_it_if_the_process_dies_that_did(server, elsewhere, calls):
    server.start()
    holder, follower = elsewhere(FLIGHTS + PAIR, 1, 2), elsewhere(FLIGHTS + ONE, 1)
    go_on(holder)
    holder.until("at work")
    go_on(follower)
    holder.kill()
    assert follower.rest() == ["made 1"]
    assert calls() == {"work 1": 2}


def test_who_waits_makes_it_if_another_one_fails(server, elsewhere, calls):
    server.start()
    holder, follower = elsewhere(FLIGHTS + FAILS), elsewhere(FLIGHTS + ONE, 7)
    go_on(holder)
    holder.until("at work")
    go_on(follower)
    holder.tell()
    assert holder.rest() == ["failed"]
    assert follower.rest() == ["made 7"]
    assert calls() == {"fails": 1, "work 7": 1}


def test_workers_of_a_pool_wait_for_other_machines(server, elsewhere, calls, tmp_path):
    server.start()
    script = tmp_path / "pooled.py"
    script.write_text(FLIGHTS + POOL)
    holder, pooled = elsewhere(FLIGHTS + PAIR, 7, 8), elsewhere(script)
    go_on(holder)
    holder.until("at work")
    pooled.until("ready")
    pooled.tell()
    holder.tell()
    assert pooled.rest() == ["made 7 7"]
    assert calls()["work 7"] == 1


def test_slots_that_are_freed_go_to_all_who_wait(server, elsewhere):
    server.start()
    server.ask("/v2/concurrency_limits/", name="db", limit=1)
    holder = elsewhere(HOLD)
    holder.until("held")
    actors = [elsewhere(WAIT) for _ in range(2)]
    for actor in actors:
        actor.until("waiting")
    holder.tell()
    assert [actor.until("done") for actor in actors] == [" ".join(map(str, range(20)))] * 2
