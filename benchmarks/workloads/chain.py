"""What 40 tasks add to 40 bodies of 10 ms, and what any code costs after such a body.

usage: chain.py
(started by run.py in a fresh home)

W8 without its noise: each body takes its own time, so that a clock rate's drift cancels out. Beside
it the same 40 tasks with bodies that do nothing, and an errand of the standard library (it parses
a command line and some JSON), 40 in a row and after bodies of 10 ms: how much dearer the same code
is when something else has had the caches. Prints one `BENCH {json}` line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from common import (  # noqa: E402  (the harness', beside this file)
    CHAIN,
    FIB_N,
    emit,
    fib,
    home,
    runq_wait_s,
    summary,
)

os.environ.setdefault("LEGATO_HOME", os.path.join(home(), ".legato"))
ROUNDS = 5
TEXT = json.dumps([{"name": f"run-{i}", "tags": ["a", "b"], "at": i / 7} for i in range(20)])

Clocks = tuple[float, float, float]


def clocks() -> Clocks:
    """Return wall, CPU of this thread, and its waits for a processor."""
    return time.perf_counter(), time.thread_time(), runq_wait_s()


def since(began: Clocks) -> Clocks:
    """Return what the clocks have moved on, in ms; they are read in the opposite order."""
    waits, cpu, wall = runq_wait_s(), time.thread_time(), time.perf_counter()
    return (wall - began[0]) * 1e3, (cpu - began[1]) * 1e3, (waits - began[2]) * 1e3


def compute() -> int:
    return int(fib(FIB_N))


def nothing() -> int:
    return 0


def outside(body: Callable[[], int]) -> list[dict[str, float]]:
    """Return what chains take outside of their bodies.

    What other threads do while a body runs may hold it up, so `overhead_ms` adds all their CPU: an
    upper bound.
    """
    from legato import flow, task

    bodies: list[Clocks] = []

    @task
    def step(before: int) -> int:
        began = clocks()
        value = body() + 0 * before
        bodies.append(since(began))
        return value

    @flow
    def steps() -> int:
        value = 0
        for _ in range(CHAIN):
            value = step(value)
        return value

    steps()
    return [one_chain(steps, bodies) for _ in range(ROUNDS)]


def one_chain(steps: Callable[[], int], bodies: list[Clocks]) -> dict[str, float]:
    bodies.clear()
    process, began = time.process_time(), clocks()
    steps()
    wall, cpu, waits = since(began)
    others = (time.process_time() - process) * 1e3 - cpu
    in_wall, in_cpu, in_waits = (sum(column) for column in zip(*bodies, strict=True))
    return {
        "outside_wall_ms": wall - in_wall,
        "outside_less_runq_ms": wall - in_wall - (waits - in_waits),
        "outside_cpu_ms": cpu - in_cpu,
        "other_threads_cpu_ms": others,
        "overhead_ms": wall - in_wall + others,
    }


def errand() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name")
    parser.parse_args(["--name", "n"])
    json.loads(TEXT)


def errands(before: Callable[[], int]) -> float:
    """Return the median of 40 errands, each after something else, in us."""
    found = []
    for _ in range(CHAIN):
        before()
        began = time.perf_counter()
        errand()
        found.append((time.perf_counter() - began) * 1e6)
    return statistics.median(found)


def main() -> None:
    after = outside(compute)
    figures: dict[str, Any] = {name: summary([one[name] for one in after], 2) for name in after[0]}
    warm = [one["outside_wall_ms"] for one in outside(nothing)]
    in_a_row = [errands(nothing) for _ in range(ROUNDS)]
    after_bodies = [errands(compute) for _ in range(ROUNDS)]
    figures["bodies_of_nothing_ms"] = summary(warm, 2)
    figures["errand_us"] = summary(in_a_row, 1)
    figures["errand_after_body_us"] = summary(after_bodies, 1)
    emit("chain", **figures)


if __name__ == "__main__":
    main()
