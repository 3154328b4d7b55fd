"""What a durable step costs beside the bare full commit that it waits for.

usage: durable.py durable|durable4 [--n N]
(started by run.py in a fresh home)

`durable`: one flow; its steps take turns with bare commits of SQLite, in a file beside the
database, so that both meet the same disk. `durable4`: four processes at once in one home. Prints
one `BENCH {json}` line, as the harness' workloads do.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from common import (  # noqa: E402  (the harness', beside this file)
    emit,
    home,
    runq_wait_s,
    self_cpu_s,
    self_peak_rss_mb,
)

os.environ.setdefault("LEGATO_HOME", os.path.join(home(), ".legato"))
DATABASE = os.path.join(os.environ["LEGATO_HOME"], "legato.db")
BLOCK = 50  # steps between two blocks of bare commits
WARM = 20
PROCESSES = 4
ROW = "x" * 300
COUNT = """
    select count(*) from task_run
    where state_type = 'COMPLETED' and (result_body is not null or result_id is not null)
"""

Seconds = list[float]


def timed(call: Callable[[int], Any], n: int) -> Seconds:
    """Return how long each of n calls took."""
    found = []
    for i in range(n):
        began = time.perf_counter()
        call(i)
        found.append(time.perf_counter() - began)
    return found


def in_a_flow(body: Callable[[Callable[[int], int]], Any]) -> None:
    """Call `body` in a durable flow, with a task of it."""
    from legato import flow, task

    @task
    def step(i: int) -> int:
        return i

    @flow(durable=True)
    def sequence() -> None:
        timed(step, WARM)
        body(step)

    sequence()


def durable(n: int) -> dict[str, Any]:
    steps: Seconds = []
    bare: Seconds = []
    clocks: list[tuple[float, float, float]] = []

    def in_turns(step: Callable[[int], int]) -> None:
        connection, commit = bare_commits()
        timed(commit, WARM)
        for _ in range(n // BLOCK):
            began = time.perf_counter(), self_cpu_s(), runq_wait_s()
            steps.extend(timed(step, BLOCK))
            ended = time.perf_counter(), self_cpu_s(), runq_wait_s()
            clocks.append(tuple(b - a for a, b in zip(began, ended, strict=True)))
            bare.extend(timed(commit, BLOCK))
        connection.close()

    in_a_flow(in_turns)
    wall, cpu, waits = (sum(part) for part in zip(*clocks, strict=True))
    per_step = 1e6 / len(steps)
    return {
        "n": len(steps),
        "us_per_task": round(wall * per_step, 1),
        "us_per_task_less_runq": round((wall - waits) * per_step, 1),
        "client_cpu_us_per_task": round(cpu * per_step, 1),
        "step_us": micros(steps),
        "bare_us": micros(bare),
        "over_bare_us": round((statistics.median(steps) - statistics.median(bare)) * 1e6, 1),
        "missing": WARM + len(steps) - recorded(),
        "rss_peak_mb": self_peak_rss_mb(),
    }


def bare_commits() -> tuple[sqlite3.Connection, Callable[[int], None]]:
    """Return a connection as the store has it, and what commits one row in full."""
    path = os.path.join(os.environ["LEGATO_HOME"], "bare.db")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)")

    def commit(_: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row (body) VALUES (?)", (ROW,))
        connection.execute("COMMIT")

    return connection, commit


def recorded() -> int:
    connection = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True)
    try:
        [[count]] = connection.execute(COUNT).fetchall()
    finally:
        connection.close()
    return int(count)


def micros(found: Seconds) -> dict[str, float]:
    """Return median, 99th percentile and maximum in microseconds."""
    ordered = sorted(found)
    chosen = {
        "median": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))],
        "max": ordered[-1],
    }
    return {name: round(seconds * 1e6, 1) for name, seconds in chosen.items()}


# ---- several processes --------------------------------------------------------------------------


def durable4(n: int) -> dict[str, Any]:
    in_a_flow(lambda step: None)  # makes the home
    command = [sys.executable, os.path.abspath(__file__), "child", "--n", str(n)]
    pipe = subprocess.PIPE
    children = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    found: Seconds = []
    for child in children:
        assert child.stdout is not None
        found += json.loads(child.stdout.readline())
    wall = time.perf_counter() - began
    for child in children:
        child.communicate()
    expected = (PROCESSES + 1) * WARM + PROCESSES * n
    return {
        "n": len(found),
        "step_us": micros(found),
        "p99_ms": micros(found)["p99"] / 1000,
        "steps_per_s": round(len(found) / wall),
        "missing": expected - recorded(),
    }


def child(n: int) -> None:
    """Run n steps when told to, and print how long each took."""

    def at_once(step: Callable[[int], int]) -> None:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(timed(step, n)), flush=True)

    in_a_flow(at_once)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=["durable", "durable4", "child"])
    parser.add_argument("--n", type=int, default=1000, help="steps of each process")
    given = parser.parse_args()
    if given.case == "child":
        child(given.n)
    else:
        emit(given.case, **{"durable": durable, "durable4": durable4}[given.case](given.n))


if __name__ == "__main__":
    main()
