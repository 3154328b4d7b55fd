"""A flow with argv[1] tasks; with argv[2] it waits for a line at its half and before its end.

Prints what the flow returns: the work itself is done whatever becomes of the records.
"""

from __future__ import annotations

import os
import resource
import sys

from legato import flow, task
from legato._backend.current import current

if limit := os.environ.get("LIMIT_FILE_SIZE"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))


@task
def step(n: int) -> int:
    return n


@flow
def whole(tasks: int, waits: bool) -> int:
    found = sum(step(n) for n in range(tasks // 2))
    if waits:
        os.write(1, b"half\n")
        sys.stdin.readline()
    found += sum(step(n) for n in range(tasks // 2, tasks))
    if waits:
        current().journal.flush()  # as long as the store is out of use, this gives up
        os.write(1, b"worked\n")
        sys.stdin.readline()
    return found


tasks = int(sys.argv[1])
assert whole(tasks, len(sys.argv) > 2) == sum(range(tasks))
os.write(1, b"done\n")
