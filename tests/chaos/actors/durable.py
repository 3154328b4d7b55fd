"""Durable flows that will be killed; argv[1] says which.

Each step leaves a line in the file LEDGER, on disk before the step ends, and so does the flow for
each step whose value it has got. All lines are printed, too; the process waits at the one whose
number HOLD_AT is.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from datetime import UTC, datetime
from typing import Any

from legato import flow, task
from legato.task_runners import ProcessPoolTaskRunner

HOLD_AT = int(os.environ.get("HOLD_AT", "0"))
marks = itertools.count(1)


def mark(text: str) -> None:
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(ledger, f"{text}\n".encode())
    os.fsync(ledger)
    os.close(ledger)
    os.write(1, f"{text}\n".encode())
    if next(marks) == HOLD_AT:
        sys.stdin.read()


def got(name: str, value: Any) -> None:
    mark(f"got {name} {value}")


@task
def step(number: int) -> int:
    mark(f"step {number}")
    return number


@task
async def astep(number: int) -> int:
    mark(f"astep {number}")
    await asyncio.sleep(0)
    return number


@task
def timed(number: int, moment: datetime) -> tuple[int, datetime]:
    mark(f"timed {number}")
    return number, moment


@flow(durable=True)
def sequential() -> None:
    for number in range(10):
        got("step", step(number))


@flow
def inner(first: int) -> int:
    for number in range(first, first + 3):
        got("step", step(number))
    return first


@flow(durable=True)
def nested() -> None:
    got("step", step(0))
    inner(1)
    got("step", step(4))
    inner(5)
    got("step", step(8))


@flow(durable=True)
def mapped() -> None:
    for found in step.map(range(200)):
        got("step", found.result())


@flow(durable=True)
def submitted() -> None:
    futures = [step.submit(number) for number in range(5)]
    later = [step.submit(number, wait_for=futures) for number in range(5, 10)]
    for future in (*futures, *later):
        got("step", future.result())


@flow(durable=True, task_runner=ProcessPoolTaskRunner(max_workers=2))
def pooled() -> None:
    for found in step.map(range(8)):
        got("step", found.result())
    got("step", step(8))


@flow(durable=True)
async def gathered() -> None:
    async def branch(number: int) -> None:
        got("astep", await astep(10 * number))
        got("astep", await astep(10 * number + 1))

    await asyncio.gather(branch(1), branch(2))


@flow(durable=True)
def clocked() -> None:
    for number in range(5):
        got("timed", timed(number, datetime.now(UTC))[0])
    began = datetime.now(UTC)
    for number in range(5, 8):
        got("timed", timed(number, began)[0])


if __name__ == "__main__":
    chosen = globals()[sys.argv[1]]
    running = chosen()
    if chosen.isasync:
        asyncio.run(running)
