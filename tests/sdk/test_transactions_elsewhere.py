"""Transactions around task runs that other processes do: their hooks run in the flow's process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from legato import flow, get_run_logger, task
from legato.task_runners import ProcessPoolTaskRunner
from legato.transactions import get_transaction, transaction

Rows = Callable[..., list[tuple[Any, ...]]]
Log = list[tuple[Any, ...]]
seen: Log = []


def note(kind: str) -> Callable[[Any], None]:
    return lambda txn: seen.append((kind, txn.get("who"), txn.get("pid") != os.getpid()))


def own() -> Any:
    found = get_transaction()
    assert found is not None
    return found


@task(on_commit=[note("commit inner")], on_rollback=[note("undo inner")])
def inner() -> None:
    own().set("who", "inner")


@task(on_commit=[note("commit")], on_rollback=[note("undo")])
def act(nested: bool = False) -> None:
    own().set("who", own().get("name"))
    own().set("pid", os.getpid())
    if nested:
        inner()


@task
def bad() -> None:
    raise ValueError("bad")


@task
def die() -> None:
    os._exit(3)


@task
def unsendable() -> None:
    own().set("lock", (x for x in ()))


@task
def plain() -> int:
    return os.getpid()


def in_pool(body: Callable[[], Any]) -> Any:
    seen.clear()
    return flow(body, name="test", task_runner=ProcessPoolTaskRunner(max_workers=1))()


def test_hooks_of_a_pool_run_in_the_flows_process_with_the_values_of_the_worker() -> None:
    def body() -> None:
        with transaction() as txn:
            txn.set("name", "outer")
            act.submit(nested=True).wait()
            act.submit(nested=True).wait()
            assert seen == []

    in_pool(body)
    assert seen == [("commit inner", "inner", True), ("commit", "outer", True)] * 2


@pytest.mark.parametrize("failing", [bad, die, unsendable])
def test_what_fails_in_a_worker_rolls_back_what_others_did(failing: Any, rows: Rows) -> None:
    def body() -> None:
        with transaction() as txn:
            txn.set("name", "outer")
            act.submit(nested=True).wait()
            failing.submit().wait()
        assert txn.is_rolled_back()

    in_pool(body)
    assert seen == [("undo", "outer", True), ("undo inner", "inner", True)]
    names = rows("select name from task_run where state_name = 'RolledBack' order by name")
    assert [name.rpartition("-")[0] for (name,) in names] == ["act", "inner"]


def test_without_a_transaction_around_it_a_task_commits_in_its_worker(rows: Rows) -> None:
    @task
    def alone() -> None: ...

    @alone.on_commit
    def say(txn: Any) -> None:
        get_run_logger().info("committed by %s", os.getpid())

    def body() -> int:
        with transaction():
            plain.submit().wait()
        alone.submit().wait()
        return plain.submit().result()

    worker = in_pool(body)
    assert worker != os.getpid()
    found = rows("select message from log where message like 'committed by%'")
    assert found == [(f"committed by {worker}",)]
