"""Flows with transactions for the tests of durable runs: what is done and undone leaves a line."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from legato import flow, task
from legato.task_runners import ProcessPoolTaskRunner
from legato.transactions import CommitMode, atransaction, get_transaction, transaction

from .durable_flow import mark


class Declined(Exception):
    """What the failing flows raise."""


def maybe_fail() -> None:
    """Fail if the test asks for it."""
    if os.environ.get("FAILS") == "yes":
        raise Declined


def own(txn: Any) -> str:
    """Return what the task has left for its hooks, and what the block around has."""
    return f"{txn.get('own')} of {txn.get('order', 'nothing')}"


@task
def take(number: int) -> int:
    mark(f"take {number}")
    txn = get_transaction()
    assert txn is not None
    txn.set("own", number)
    return number


@take.on_rollback
def put_back(txn: Any) -> None:
    mark(f"begin {own(txn)}")
    mark(f"undo {own(txn)}")


@take.on_commit
def announce(txn: Any) -> None:
    mark(f"commit {own(txn)}")


@task
async def atake(number: int) -> int:
    mark(f"take {number}")
    txn = get_transaction()
    assert txn is not None
    txn.set("own", number)
    return number


@atake.on_rollback
async def aput_back(txn: Any) -> None:
    await asyncio.sleep(0)
    mark(f"undo {own(txn)}")


@task
def pack(number: int) -> int:
    """A task with tasks inside."""
    take(number)
    take(number + 1)
    mark(f"packed {number}")
    return number


@flow
def inner(number: int) -> int:
    return take(number) + take(number + 1)


@flow(durable=True)
def order() -> None:
    with transaction() as txn:
        txn.set("order", "o")
        for number in range(3):
            take(number)
            mark(f"behind {number}")
        maybe_fail()
    mark("committed")
    mark("end")


@flow(durable=True)
def nested() -> None:
    with transaction() as txn:
        txn.set("order", "o")
        with transaction(commit_mode=CommitMode.EAGER):
            take(0)
        with transaction() as part:
            part.set("order", "p")
            pack(1)
        inner(3)
        take.submit(5).result()
        mark("filled")
        maybe_fail()
    mark("committed")
    mark("end")


@flow(durable=True)
async def gathered() -> None:
    async with atransaction() as txn:
        txn.set("order", "o")
        await asyncio.gather(atake(0), atake(1))
        mark("filled")
        maybe_fail()
    mark("end")


unkept_take = take.with_options(persist_result=False)


@flow(durable=True)
def unkept() -> None:
    with transaction() as txn:
        txn.set("order", "o")
        unkept_take(0)
        unkept_take.submit(1).wait()
        mark("filled")


@flow(durable=True, task_runner=ProcessPoolTaskRunner(max_workers=1))
def sent() -> None:
    with transaction() as txn:
        txn.set("order", "o")
        for future in [take.submit(0), pack.submit(1)]:
            future.wait()
        mark("filled")
        maybe_fail()


@flow(durable=True)
def alone() -> None:
    take(0)
    mark("end")


def run(name: str) -> None:
    """Call a flow by its name."""
    chosen = globals()[name]
    found = chosen(return_state=True)
    if chosen.isasync:
        asyncio.run(found)
