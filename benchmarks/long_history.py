#!/usr/bin/env python3
"""What a long history costs: how long a server takes for pages, counts and histories over it.

    benchmarks/seed.py FOLDER/legato.db > seeded.json
    benchmarks/long_history.py FOLDER seeded.json
    benchmarks/long_history.py postgresql://postgres@127.0.0.1/scratch seeded.json
    benchmarks/long_history.py FOLDER seeded.json --writes      beside an empty database, in turn

Starts a server on the database; prints the median and the 95th percentile of 40 requests of each
kind, in ms, over one connection. `--writes` creates, runs and completes flow runs with 8 clients.
Counts and histories are summed from what a server has counted of each five minutes that are over;
of a database that no server has had yet, that takes it some minutes, so it is left alone first.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

REQUESTS = 40
PATIENCE_SECONDS = 8.0  # for all requests of one kind
ROUNDS, ROUND_SECONDS, CLIENTS = 5, 6.0, 8
SORTS = (
    "ID_DESC",
    "START_TIME_ASC",
    "START_TIME_DESC",
    "EXPECTED_START_TIME_ASC",
    "EXPECTED_START_TIME_DESC",
    "NAME_ASC",
    "NAME_DESC",
    "NEXT_SCHEDULED_START_TIME_ASC",
    "END_TIME_DESC",
)


class Api:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body)
        headers = {"content-type": "application/json"}
        self._connection.request(method, f"/api{path}", content, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} {raw[:120]!r}")
        return json.loads(raw)


@contextmanager
def server(place: str) -> Iterator[tuple[int, int]]:
    """Start a server on a database; yields its port and the id of its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "legato", "server", "start", "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="legato-bench-") as home:
        is_url = place.startswith("postgres")
        command += ["--database-url", place] if is_url else []
        env = {**os.environ, "LEGATO_HOME": home if is_url else place}
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        try:
            _await(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait()


def _await(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            Api(port)("GET", "/health")
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


Ask = Callable[[int], Any]
FAILED = {"state": {"type": {"any_": ["FAILED"]}}}


def requests(api: Api, seeded: dict[str, Any]) -> dict[str, Ask]:
    """Return what is asked for, by name; the number says which time it is."""
    ids = seeded["flow_run_ids"]

    def some(n: int) -> str:
        return str(ids[n % len(ids)])

    def post(path: str, **body: Any) -> Ask:
        return lambda _: api("POST", path, body)

    found: dict[str, Ask] = {}
    for sort in SORTS:
        found[f"page, {sort}"] = post("/flow_runs/filter", sort=sort, limit=50)
        found[f"failed, {sort}"] = post("/flow_runs/filter", sort=sort, limit=50, flow_runs=FAILED)
    of_run = {"flow_run_id": {"any_": [seeded["newest"]]}}
    found |= {
        "run by id": lambda n: api("GET", f"/flow_runs/{some(n)}"),
        "its states": lambda n: api("GET", f"/flow_run_states/?flow_run_id={some(n)}"),
        "its task runs": lambda n: api(
            "POST", "/task_runs/filter", {"flow_runs": {"id": {"any_": [some(n)]}}}
        ),
        "200 log lines": post("/logs/filter", sort="TIMESTAMP_ASC", limit=200, logs=of_run),
        "the last 200": post("/logs/filter", sort="TIMESTAMP_DESC", limit=200, logs=of_run),
        "task runs, newest": post("/task_runs/filter", sort="EXPECTED_START_TIME_DESC", limit=50),
        "task runs, END_TIME_DESC": post("/task_runs/filter", sort="END_TIME_DESC", limit=50),
        "count, all": post("/flow_runs/count"),
    }
    return found | over_days(post, 1) | over_days(post, 7)


def over_days(post: Callable[..., Ask], days: int) -> dict[str, Ask]:
    """Return counts and histories of the last days, in 24 intervals."""
    now = datetime.now(UTC)
    start = (now - timedelta(days=days)).isoformat()
    since = {"start_time": {"after_": start}}
    span = {
        "history_start": start,
        "history_end": now.isoformat(),
        "history_interval_seconds": days * 3600,
    }
    return {
        f"count, {days} d": post("/flow_runs/count", flow_runs=since),
        f"count of failed, {days} d": post("/flow_runs/count", flow_runs=since | FAILED),
        f"history, {days} d": post("/flow_runs/history", **span),
        f"history of task runs, {days} d": post("/task_runs/history", **span),
        f"count of task runs, {days} d": post("/task_runs/count", task_runs=since),
        f"task runs by state, {days} d": post("/ui/task_runs/count", task_runs=since),
    }


def read(port: int, seeded: dict[str, Any]) -> None:
    for name, ask in requests(Api(port), seeded).items():
        took: list[float] = []
        try:
            while len(took) <= REQUESTS and sum(took) < PATIENCE_SECONDS * 1000:
                begin = time.perf_counter()
                ask(len(took))
                took.append((time.perf_counter() - begin) * 1000)
        except RuntimeError as error:
            print(f"{name:34} refused: {error}")
            continue
        took = sorted(took[1:])
        slow = took[int(len(took) * 0.95)]
        verdict = "" if slow <= 50 else "  over 50"
        print(f"{name:34} {statistics.median(took):8.1f} {slow:8.1f}{verdict}", flush=True)


def cycles(port: int) -> float:
    """Return how many flow runs a second are created, run and completed."""
    counts: list[int] = []
    end = time.monotonic() + ROUND_SECONDS

    def client() -> None:
        api, count = Api(port), 0
        flow_id = api("POST", "/flows/", {"name": "bench"})["id"]
        while time.monotonic() < end:
            run = api("POST", "/flow_runs/", {"flow_id": flow_id, "state": {"type": "PENDING"}})
            for kind in ("RUNNING", "COMPLETED"):
                api("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind}})
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / ROUND_SECONDS


def write(seeded: int, empty: int) -> None:
    """Compare two servers in turn."""
    ratios: list[float] = []
    for _ in range(ROUNDS):
        beside, found = cycles(empty), cycles(seeded)
        ratios.append(found / beside)
        print(f"empty {beside:.0f}/s, seeded {found:.0f}/s: {ratios[-1]:.2f}", flush=True)
    print(f"median {statistics.median(ratios):.2f}")


def main() -> None:
    summary, _, rest = (__doc__ or "").partition("\n")
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=summary, epilog=rest, formatter_class=style)
    parser.add_argument("place", help="folder with a seeded legato.db, or postgresql://...")
    parser.add_argument("seeded", type=Path, help="what seed.py printed")
    parser.add_argument("--writes", action="store_true", help="compare writes instead of reads")
    parser.add_argument("--empty", help="empty database beside; default: a new home")
    parser.add_argument("--settle", type=float, default=240, help="seconds to leave it alone first")
    given = parser.parse_args()
    with server(given.place) as (port, _):
        time.sleep(given.settle)
        if not given.writes:
            read(port, json.loads(given.seeded.read_text(encoding="utf-8")))
            return
        with (
            tempfile.TemporaryDirectory(prefix="legato-empty-") as home,
            server(given.empty or home) as (beside, _),
        ):
            write(port, beside)


if __name__ == "__main__":
    main()
