#!/usr/bin/env python3
"""How many flow runs a server takes in from many clients, and whether any of them meets an error.

    benchmarks/clients.py
    benchmarks/clients.py --url postgresql://postgres@127.0.0.1/scratch     an empty database
    benchmarks/clients.py --clients 1,8,50 --seconds 5

W10 for any database and number of clients: each creates, runs and completes flow runs over one
connection of its own, asking again only where the server says so (503, 429). Prints a line of JSON:
seconds from the start to the first healthy answer, and for each number of clients the flow runs a
second, ms of the server's CPU for each, answers that said to come again, errors, and how many of
the runs that were completed are missing afterwards.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections import Counter
from http import HTTPStatus
from typing import Any

from crowd import cpu_seconds
from long_history import Api, server

BUSY = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
COMPLETED = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}


class Client:
    """Somebody who creates, runs and completes flow runs until the time is up."""

    def __init__(self, port: int, flow_id: str) -> None:
        self.seen: Counter[str] = Counter()
        self._api, self._flow_id = Api(port), flow_id

    def work(self, end: float) -> None:
        while time.monotonic() < end:
            try:
                self._cycle()
            except (RuntimeError, OSError, AssertionError) as error:
                self.seen["errors"] += 1
                self.seen[f"error: {error}"[:80]] += 1
            else:
                self.seen["done"] += 1

    def _cycle(self) -> None:
        asked = {"flow_id": self._flow_id, "state": {"type": "PENDING"}}
        run = self._ask("/flow_runs/", asked)
        for kind in ("RUNNING", "COMPLETED"):
            answer = self._ask(f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind}})
            assert answer["status"] == "ACCEPT", answer

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        while True:
            try:
                return self._api("POST", path, body)
            except RuntimeError as error:
                if not str(error).startswith(tuple(str(int(one)) for one in BUSY)):
                    raise
                self.seen["busy"] += 1
                time.sleep(0.05)


def load(port: int, pid: int, count: int, seconds: float) -> dict[str, Any]:
    """Return what so many clients got done, and what it took."""
    api = Api(port)
    flow_id = api("POST", "/flows/", {"name": "bench"})["id"]
    clients = [Client(port, flow_id) for _ in range(count)]
    before = api("POST", "/flow_runs/count", COMPLETED)
    cpu, began = cpu_seconds(pid), time.monotonic()
    end = began + seconds
    threads = [threading.Thread(target=client.work, args=(end,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.monotonic() - began, cpu_seconds(pid) - cpu
    seen = sum((client.seen for client in clients), Counter[str]())
    kept = api("POST", "/flow_runs/count", COMPLETED) - before
    return {
        "runs_a_second": round(seen["done"] / took),
        "server_cpu_ms": round(cpu * 1000 / max(seen["done"], 1), 2),
        "busy": seen["busy"],
        "errors": seen["errors"],
        "missing": seen["done"] - kept,
        **{name: times for name, times in seen.items() if name.startswith("error:")},
    }


def main() -> None:
    summary, _, rest = (__doc__ or "").partition("\n")
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=summary, epilog=rest, formatter_class=style)
    parser.add_argument("--url", help="an empty PostgreSQL database; default: SQLite in a new home")
    parser.add_argument("--clients", default="1,8,50")
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, server(given.url or home) as (port, pid):
        found: dict[str, Any] = {"healthy_after_s": round(time.monotonic() - began, 2)}
        load(port, pid, 1, 0.5)
        for count in map(int, given.clients.split(",")):
            found[f"{count} clients"] = load(port, pid, count, given.seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
