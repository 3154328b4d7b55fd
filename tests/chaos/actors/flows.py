"""A flow process that will be killed.

Notes every acknowledged transition of a flow run in the file argv[1], runs argv[2] flows, and
leaves a forked child behind that has written on its own account and lives until stdin ends; with
argv[3] there is no child.
"""

from __future__ import annotations

import os
import sys

from tests.chaos.verdict import TASKS

from legato import flow, get_run_logger, runtime, task
from legato._store import faults, sqlite_log

sqlite_log.DUE_FRAMES, sqlite_log.LONGEST_FRAMES, sqlite_log.LOOK_EVERY = 8, 40, 4

acks = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def ack(kind: str, flow_run_id: object) -> None:
    os.write(acks, f"{kind} {flow_run_id}\n".encode())


@task
def step(n: int) -> int:
    return n


@flow
def part(n: int) -> str:
    ack("RUNNING", runtime.flow_run.id)
    get_run_logger().debug("part %s", n)
    for number in range(TASKS):
        step(number)
    return str(runtime.flow_run.id)


@task
def parts(count: int) -> None:
    for number in range(count):
        ack("COMPLETED", part(number))
        os.write(1, b"part\n")


def leave_a_child() -> None:
    child = os.fork()
    if not child:
        faults.arm("")
        step(-1)
        os.write(1, b"child\n")
        os.read(0, 1)
        os._exit(0)


@flow
def whole(count: int) -> None:
    ack("RUNNING", runtime.flow_run.id)
    os.write(1, b"begun\n")
    if len(sys.argv) < 4:
        leave_a_child()
    parts(count)


whole(int(sys.argv[2]))
os.write(1, b"done\n")
