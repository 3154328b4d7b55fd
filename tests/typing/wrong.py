"""Mistakes that the type checkers must name; never run. `# names: x`: what the message says."""

from __future__ import annotations

from legato import flow, task


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@flow
def calculate(x: int, *, scale: float = 1.0) -> float:
    return x * scale


async def mistakes() -> None:
    add("one")  # names: "a"
    add(1, b="two")  # names: "b"
    add(1, None)  # names: "b"
    calculate("one")  # names: "x"
    calculate(1, scale="big")  # names: "scale"
    await fetch(5)  # names: "url"
    task(retries="many")(add.fn)  # names: "retries"
    flow(timeout_seconds="long")(add.fn)  # names: "timeout_seconds"
