"""Isolation levels and lock managers of cache policies."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato.cache_policies import INPUTS, CachePolicy
from legato.exceptions import ConfigurationError
from legato.locking.filesystem import FileSystemLockManager
from legato.locking.memory import MemoryLockManager
from legato.transactions import IsolationLevel, transaction

if TYPE_CHECKING:
    from pathlib import Path

calls: list[Any] = []


class Fixed(CachePolicy):
    """One key for all."""

    def compute_key(
        self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any
    ) -> str | None:
        """Return it."""
        return "key"


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@pytest.fixture(params=["memory", "files"])
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    manager: Any = MemoryLockManager()
    if request.param == "files":
        manager = FileSystemLockManager(tmp_path / "locks")
    return INPUTS.configure(isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=manager)


def test_serializable_needs_a_lock_manager():
    @task(cache_policy=INPUTS.configure(isolation_level="SERIALIZABLE"))
    def work(value: int) -> int:
        calls.append(value)
        return value

    state = work(7, return_state=True)
    with pytest.raises(ConfigurationError, match="'work' needs a lock manager"):
        state.result()
    assert (state.name, calls) == ("Failed", [])


def test_the_lock_is_held_until_the_result_can_be_seen(policy):
    begin = Barrier(5)

    @task(cache_policy=policy)
    def work(value: int) -> list[int]:
        calls.append(value)
        return [value]

    def call(_: int) -> Any:
        begin.wait()
        return work(7)

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(call, range(5))) == [[7]] * 5
    assert calls == [7]


def test_who_waits_for_a_lock_does_not_hold_up_the_loop(policy):
    @task(cache_policy=policy)
    async def work(value: int) -> list[int]:
        calls.append(value)
        at_work.set()
        await go_on.wait()
        return [value]

    @flow(persist_result=False)
    async def job() -> Any:
        found = asyncio.gather(work(7), work(7))
        await at_work.wait()
        go_on.set()
        return await found

    at_work, go_on = asyncio.Event(), asyncio.Event()
    assert asyncio.run(job()) == [[7], [7]]
    assert calls == [7]


def test_who_fails_gives_the_lock_back(policy):
    @task(cache_policy=policy)
    def work(value: int) -> int:
        calls.append(value)
        raise ValueError("no")

    assert [work(7, return_state=True).name for _ in range(2)] == ["Failed", "Failed"]


def test_the_holder_may_call_for_the_same_key(policy):
    @task(cache_policy=policy)
    def work(value: int) -> int:
        calls.append(value)
        return work(value) if len(calls) < 2 else value

    assert work(7) == 7
    assert calls == [7, 7]


def test_in_a_transaction_the_lock_is_held_until_its_end():
    locks = MemoryLockManager()

    @task(cache_policy=Fixed(isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=locks))
    def work() -> int:
        return 1

    @flow(persist_result=False)
    def job(fails: bool) -> None:
        with transaction():
            work()
            seen.append(locks.is_locked("key"))
            if fails:
                raise ValueError("roll back")

    seen: list[bool] = []
    job(True, return_state=True)
    seen.append(locks.is_locked("key"))
    job(False)
    seen.append(locks.is_locked("key"))
    assert seen == [True, False, True, False]


def test_a_worker_s_lock_is_given_back(tmp_path):
    from legato.task_runners import ProcessPoolTaskRunner

    locks = FileSystemLockManager(tmp_path / "locks")

    @task(cache_policy=INPUTS.configure(lock_manager=locks, isolation_level="SERIALIZABLE"))
    def work(value: int) -> int:
        return value

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1), persist_result=False)
    def job() -> list[str]:
        with transaction():
            first = work.submit(1, return_state=True).name
        return [first, work.submit(1, return_state=True).name]

    assert job()[0] == "Completed"
