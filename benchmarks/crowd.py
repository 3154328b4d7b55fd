#!/usr/bin/env python3
"""What a crowd costs a client: its transitions alone, and beside those who follow and who look.

    benchmarks/crowd.py
    benchmarks/crowd.py --url postgresql://postgres@127.0.0.1/scratch
    benchmarks/crowd.py --subscribers 50 --readers 0        only those who follow
    benchmarks/crowd.py --aside        as if the crowd had a machine of its own
    benchmarks/crowd.py --elsewhere    another process serves the crowd: what the machine costs

Starts a server on an empty database. One client creates, runs and completes flow runs over one
connection, in phases that take turns: alone, then beside websockets that are told of every change
and readers that each ask for the newest page of flow runs once a second. Prints a table, and as
JSON the medians of the phases and the median of their ratios, each phase beside the one before it.
The crowd is one process that looks no further into frames than it must to count them, since it has
the same cores as the server; with `--aside` it has them only while nobody else wants them. Each
subscriber has to get each change: otherwise this fails. `--elsewhere` has the crowd served with as
many bytes by `decoy.py`, while the server has the client alone.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from long_history import Api, server

KINDS = ("create", "running", "completed")
WARM_UP_RUNS = 20
PATIENCE_SECONDS = 30.0
PAGE = json.dumps({"sort": "EXPECTED_START_TIME_DESC", "limit": 50}).encode()
CHANGE, CURSOR = b'{"type":"run_change"', b'{"type":"cursor"'


# ---- the crowd, a process of its own ------------------------------------------------------------


def text_frame(said: dict[str, Any]) -> bytes:
    """Return a short frame of a client: masked, as it has to be, with zeros."""
    payload = json.dumps(said).encode()
    return bytes((0x81, 0x80 | len(payload))) + bytes(4) + payload


def following(port: int) -> tuple[socket.socket, bytes]:
    """Open a websocket that is told of what happens from now on; return it, and what it heard."""
    plug = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    plug.sendall(
        f"GET /api/run_changes/out HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prefect\r\n\r\n".encode()
    )
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += plug.recv(4096)
    plug.sendall(text_frame({"type": "auth", "token": None}))
    plug.sendall(text_frame({"type": "filter", "filter": None, "cursor": None}))
    while CURSOR not in heard:
        heard += plug.recv(4096)
    return plug, heard


class Subscriber(asyncio.Protocol):
    """Counts the changes that a websocket is told of."""

    def __init__(self, heard: bytes) -> None:
        self.changes = 0
        self.lost = False
        self._rest = b""
        self.data_received(heard)

    def data_received(self, data: bytes) -> None:
        known = self._rest + data
        self.changes += known.count(CHANGE)
        self._rest = known[1 - len(CHANGE) :]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


async def read_pages(port: int, begin: float, took: list[float]) -> None:
    """Ask for the newest page once a second."""
    await asyncio.sleep(begin)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /api/flow_runs/filter HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(PAGE)}\r\n\r\n"
    )
    while True:
        start = time.perf_counter()
        writer.write(head.encode() + PAGE)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer[:16]:
            raise RuntimeError(answer.decode())
        length = answer.lower().partition(b"content-length:")[2].partition(b"\r")[0]
        await reader.readexactly(int(length))
        took.append(time.perf_counter() - start)
        await asyncio.sleep(max(0.0, start + 1 - time.perf_counter()))


async def attend(port: int, subscribers: int, readers: int) -> None:
    """Follow and read, until a line on stdin says how many changes there have been."""
    loop, crowd = asyncio.get_running_loop(), []
    for _ in range(subscribers):
        plug, heard = following(port)
        crowd.append(Subscriber(heard))
        await loop.create_connection(lambda: crowd[-1], sock=plug)
    took: list[float] = []
    tasks = [asyncio.create_task(read_pages(port, n / readers, took)) for n in range(readers)]
    print("ready", flush=True)
    changes = int(await asyncio.to_thread(sys.stdin.readline))
    end = time.monotonic() + PATIENCE_SECONDS
    while any(one.changes < changes for one in crowd) and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    for task in tasks:
        if task.done():
            task.result()
    if any(one.lost for one in crowd):
        raise RuntimeError("the server has closed a stream")
    told = [one.changes for one in crowd]
    print(json.dumps({"told": told, "page_ms": [one * 1000 for one in took]}), flush=True)
    os._exit(0)  # nobody waits for the closing of so many connections


# ---- the client ---------------------------------------------------------------------------------


class Crowd:
    """Those who follow and look while the block runs."""

    def __init__(self, process: subprocess.Popen[str], *, elsewhere: bool) -> None:
        self._process, self._elsewhere = process, elsewhere
        self.page_ms: list[float] = []

    def dismiss(self, changes: int) -> None:
        """Let them go; fail if somebody has not been told of each change."""
        changes = 0 if self._elsewhere else changes
        found = json.loads(self._process.communicate(f"{changes}\n", timeout=60)[0])
        if not self._elsewhere and (wrong := [one for one in found["told"] if one != changes]):
            raise RuntimeError(f"{changes} changes, but subscribers were told of {wrong}")
        self.page_ms = found["page_ms"]


@contextmanager
def gathered(port: int, given: argparse.Namespace) -> Iterator[Crowd]:
    command = [sys.executable, __file__, "--attend", str(port)]
    command += ["--subscribers", str(given.subscribers), "--readers", str(given.readers)]
    command += ["--aside"] if given.aside else []
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the crowd did not come together")
            yield Crowd(process, elsewhere=given.elsewhere)
        finally:
            process.kill()


@contextmanager
def serving(port: int, given: argparse.Namespace, runs_per_second: float) -> Iterator[int]:
    """Give the port at which the crowd is served: that of the server, or of another process."""
    if not given.elsewhere:
        yield port
        return
    command = [sys.executable, str(Path(__file__).with_name("decoy.py"))]
    command += [str(runs_per_second * len(KINDS))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else "")
        finally:
            process.kill()


def cpu_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cycle(api: Api, flow_id: str) -> list[float]:
    """Create, run and complete a flow run; return what each took, in ms."""
    marks = [time.perf_counter()]
    run = api("POST", "/flow_runs/", {"flow_id": flow_id, "state": {"type": "PENDING"}})
    marks.append(time.perf_counter())
    for kind in ("RUNNING", "COMPLETED"):
        api("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": kind}})
        marks.append(time.perf_counter())
    return [(end - start) * 1000 for start, end in pairwise(marks)]


def phase(port: int, process_id: int, seconds: float, crowd: Crowd | None) -> dict[str, float]:
    """Return the figures of one client for some seconds."""
    api = Api(port)
    flow_id = api("POST", "/flows/", {"name": "bench"})["id"]
    for _ in range(WARM_UP_RUNS):
        cycle(api, flow_id)
    took: list[list[float]] = []
    cpu, start = cpu_seconds(process_id), time.monotonic()
    while time.monotonic() < start + seconds:
        took.append(cycle(api, flow_id))
    lasted = time.monotonic() - start
    figures = {
        "runs_per_second": len(took) / lasted,
        "server_cpu_ms_per_run": (cpu_seconds(process_id) - cpu) * 1000 / len(took),
    }
    for kind, times in zip(KINDS, zip(*took, strict=True), strict=True):
        figures |= quantiles(kind, list(times))
    figures |= quantiles("any", [one for times in took for one in times])
    if crowd is not None:
        crowd.dismiss(len(KINDS) * (WARM_UP_RUNS + len(took)))
        if crowd.page_ms:
            figures |= quantiles("page", crowd.page_ms)
    return figures


def quantiles(name: str, times: list[float]) -> dict[str, float]:
    times = sorted(times)
    return {
        f"{name}_p50_ms": statistics.median(times),
        f"{name}_p99_ms": times[len(times) * 99 // 100],
    }


def report(alone: list[dict[str, float]], beside: list[dict[str, float]]) -> None:
    """Print a table, then JSON."""
    found: dict[str, dict[str, float]] = {}
    print(f"{'median of the phases':24} {'alone':>9} {'crowd':>9} {'ratio':>7}")
    for name in beside[0]:
        row = {"crowd": statistics.median(one[name] for one in beside)}
        if name in alone[0]:
            pairs = zip(alone, beside, strict=True)
            row["alone"] = statistics.median(one[name] for one in alone)
            row["ratio"] = statistics.median(other[name] / one[name] for one, other in pairs)
        shown = [f"{row[key]:.2f}" if key in row else "" for key in ("alone", "crowd", "ratio")]
        print(f"{name:24} {shown[0]:>9} {shown[1]:>9} {shown[2]:>7}")
        found[name] = {key: round(value, 3) for key, value in row.items()}
    print(json.dumps(found))


def main() -> None:
    summary, _, rest = (__doc__ or "").partition("\n")
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=summary, epilog=rest, formatter_class=style)
    parser.add_argument("--url", help="an empty PostgreSQL database; default: a new home")
    parser.add_argument("--subscribers", type=int, default=50)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--aside", action="store_true", help="the crowd in the idle class")
    parser.add_argument("--elsewhere", action="store_true", help="another process serves it")
    parser.add_argument("--phases", type=int, default=5, help="of each kind")
    parser.add_argument("--seconds", type=float, default=6, help="of one phase")
    parser.add_argument("--attend", type=int, metavar="PORT", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.attend is not None:
        if given.aside:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        asyncio.run(attend(given.attend, given.subscribers, given.readers))
    alone, beside = [], []
    home = tempfile.TemporaryDirectory(prefix="legato-crowd-")
    with home as place, server(given.url or place) as (port, process_id):
        for _ in range(given.phases):
            alone.append(phase(port, process_id, given.seconds, None))
            rate = alone[-1]["runs_per_second"]
            with serving(port, given, rate) as there, gathered(there, given) as crowd:
                beside.append(phase(port, process_id, given.seconds, crowd))
            shown = [f"{one['any_p99_ms']:.1f}" for one in (alone[-1], beside[-1])]
            print(f"p99 alone {shown[0]} ms, crowd {shown[1]} ms", file=sys.stderr, flush=True)
    report(alone, beside)


if __name__ == "__main__":
    main()
