"""Flows for the tests of durable runs: each step leaves a line that outlives the process."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Any

from legato import flow, task
from legato.task_runners import ProcessPoolTaskRunner


def mark(text: str) -> None:
    """Append a line to the ledger, on disk before this returns."""
    file = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{text}\n".encode())
    os.fsync(file)
    os.close(file)
    if os.environ.get("DIE_AT") == text:
        os.kill(os.getpid(), signal.SIGKILL)


@task
def step(number: int) -> Any:
    mark(f"step {number}")
    return number, "pair"


@task
async def astep(number: int) -> int:
    mark(f"step {number}")
    await asyncio.sleep(0)
    return number


@task
def timed(moment: dt.datetime) -> str:
    mark("timed")
    return moment.isoformat()


@flow(durable=True)
def ten() -> list[Any]:
    return [step(number) for number in range(10)]


@flow
def inner(number: int) -> list[Any]:
    return [step(10 * number + place) for place in range(3)]


@flow(durable=True)
def nested() -> list[Any]:
    return [step(1), *inner(2), step(4), *inner(5)]


@flow(durable=True)
def mapped(count: int = 200) -> int:
    return sum(found[0] for found in step.map(range(count)).result())


@flow(durable=True)
async def gathered() -> list[int]:
    async def branch(number: int) -> int:
        first = await astep(10 * number)
        return first + await astep(10 * number + 1)

    return list(await asyncio.gather(branch(1), branch(2)))


@flow(durable=True, on_replay_change="reuse")
def clocked() -> str:
    found = timed(dt.datetime.now(dt.UTC))
    step(1)
    return found


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    colour: Colour


@task
def pickled() -> Point:
    return Point(1, Colour.RED)


@task(persist_result=True, result_serializer="json")
def as_json() -> Point:
    return Point(1, Colour.RED)


@flow(durable=True)
def classes() -> None:
    for name, found in (("pickle", pickled()), ("json", as_json())):
        mark(f"{name} {isinstance(found, Point) and found.colour is Colour.RED}")
    step(1)


@task
def around(number: int) -> Any:
    found = step(number)
    mark(f"around {number}")
    return found


@flow(durable=True, task_runner=ProcessPoolTaskRunner(max_workers=1))
def pooled() -> list[Any]:
    return [around.submit(number).result() for number in (1, 2)]


if __name__ == "__main__":
    chosen = globals()[sys.argv[1]]
    found = chosen()
    if chosen.isasync:
        found = asyncio.run(found)
    mark("end")
