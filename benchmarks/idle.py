#!/usr/bin/env python3
"""What a server at rest costs, beside an interpreter that does nothing but wake up.

    benchmarks/idle.py
    benchmarks/idle.py --seconds 40 --url postgresql://postgres@127.0.0.1/scratch

Starts a server on an empty database, and a bare interpreter that sleeps for a second again and
again: what that one pays for a turn is the machine's price for waking up, which no program escapes.
Prints one line of JSON: for both, CPU in % of a core, turns a second, and ms of CPU a turn
(`/proc/*/task/*/schedstat`, Linux).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from long_history import server

SETTLE_SECONDS = 6.0
BARE = "import time\nwhile True: time.sleep(1)"


def used(pid: int) -> tuple[float, int]:
    """Return the ms of CPU and the turns that the threads of a process have had."""
    cpu, turns = 0.0, 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        on_cpu, _, count = (thread / "schedstat").read_text().split()
        cpu += int(on_cpu) / 1e6
        turns += int(count)
    return cpu, turns


def rate(before: tuple[float, int], after: tuple[float, int], seconds: float) -> dict[str, float]:
    cpu, turns = after[0] - before[0], after[1] - before[1]
    return {
        "cpu_percent": round(cpu / seconds / 10, 3),
        "turns_a_second": round(turns / seconds, 2),
        "ms_a_turn": round(cpu / max(turns, 1), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--url")
    given = parser.parse_args()
    bare = subprocess.Popen([sys.executable, "-c", BARE])
    try:
        with tempfile.TemporaryDirectory() as home, server(given.url or home) as (_, pid):
            time.sleep(SETTLE_SECONDS)
            before, began = (used(pid), used(bare.pid)), time.monotonic()
            time.sleep(given.seconds)
            after, seconds = (used(pid), used(bare.pid)), time.monotonic() - began
    finally:
        bare.terminate()
        bare.wait()
    names = ("server", "bare")
    found = zip(names, before, after, strict=True)
    print(json.dumps({name: rate(old, new, seconds) for name, old, new in found}))


if __name__ == "__main__":
    main()
