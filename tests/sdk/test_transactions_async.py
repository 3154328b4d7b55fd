"""Transactions in async code: the same rules, hooks that are awaited, nothing that blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from legato import flow, task
from legato.transactions import (
    AsyncTransaction,
    IsolationLevel,
    Transaction,
    atransaction,
    get_transaction,
    transaction,
)

Rows = Callable[..., list[tuple[Any, ...]]]
Log = list[str]


@pytest.fixture
def log() -> Log:
    return []


def step(log: Log, name: str, **options: Any) -> Any:
    """Return an async task with async hooks that log."""

    @task(name=name, **options)
    async def act() -> str:
        await asyncio.sleep(0)
        log.append(name)
        return name

    @act.on_commit
    async def keep(txn: Any) -> None:
        await asyncio.sleep(0)
        log.append(f"commit {name}")

    @act.on_rollback
    async def undo(txn: Any) -> None:
        await asyncio.sleep(0)
        log.append(f"undo {name}")

    return act


@task
async def bad() -> None:
    raise ValueError("bad")


def test_hooks_are_awaited_in_order(log: Log, rows: Rows) -> None:
    @flow
    async def job() -> bool:
        async with atransaction() as txn:
            await step(log, "a")()
            await step(log, "b")()
        return txn.is_committed()

    assert asyncio.run(job())
    assert log == ["a", "b", "commit a", "commit b"]


def test_an_error_rolls_back_in_reverse_order(log: Log, rows: Rows) -> None:
    @flow
    async def job() -> None:
        async with atransaction():
            await step(log, "a")()
            await step(log, "b")()
            await bad()

    with pytest.raises(ValueError, match="bad"):
        asyncio.run(job())
    assert log == ["a", "b", "undo b", "undo a"]
    assert rows("select count(*) from task_run where state_name = 'RolledBack'") == [(2,)]


def test_gathered_tasks_are_staged_each_in_its_own_transaction(log: Log) -> None:
    owns: list[Any] = []

    @task
    async def own() -> None:
        await asyncio.sleep(0)
        owns.append(get_transaction())

    @flow
    async def job() -> Any:
        async with atransaction() as txn:
            await asyncio.gather(own(), own())
        return txn

    txn = asyncio.run(job())
    assert len({id(found) for found in owns}) == 2
    assert {type(found) for found in owns} == {AsyncTransaction}
    assert all(found.get_parent() is txn and found.is_committed() for found in owns)


def test_a_task_that_ends_after_its_block_shares_the_end_of_it(log: Log) -> None:
    async def main(failing: bool) -> None:
        gate = asyncio.Event()

        @task
        async def late() -> None:
            await gate.wait()

        late.on_commit(lambda txn: log.append("commit"))
        late.on_rollback(lambda txn: log.append("undo"))
        try:
            async with atransaction():
                running = asyncio.create_task(late())
                await asyncio.sleep(0)
                if failing:
                    raise ValueError("stop")
        except ValueError:
            pass
        log.append("ended")
        gate.set()
        await running

    asyncio.run(main(failing=False))
    asyncio.run(main(failing=True))
    assert log == ["ended", "commit", "ended", "undo"]


def test_submitted_tasks_are_awaited(log: Log) -> None:
    a = step(log, "a")

    @flow
    async def job() -> None:
        async with atransaction():
            a.submit()
            log.append("end")

    asyncio.run(job())
    assert log == ["end", "a", "commit a"]


def test_sync_and_async_mix(log: Log) -> None:
    @task
    def plain() -> None: ...

    plain.on_commit(lambda txn: log.append("commit plain"))

    @flow
    async def job() -> None:
        with transaction() as outer:
            await step(log, "a")()
            async with atransaction():
                plain()
            assert isinstance(outer, Transaction)

    asyncio.run(job())
    assert log == ["a", "commit a", "commit plain"]


def test_a_task_alone_awaits_its_commit_hooks(log: Log) -> None:
    asyncio.run(step(log, "a")())
    assert log == ["a", "commit a"]


def test_a_retried_task_undoes_what_its_first_try_called(log: Log) -> None:
    inner = step(log, "inner")
    tries: list[int] = []

    @task(retries=1)
    async def outer() -> None:
        tries.append(1)
        await inner()
        if len(tries) == 1:
            raise ValueError("again")

    asyncio.run(outer())
    assert log == ["inner", "undo inner", "inner", "commit inner"]


def test_a_task_that_yields_is_staged_at_its_end(log: Log) -> None:
    @task
    async def numbers() -> AsyncIterator[int]:
        yield 1

    numbers.on_commit(lambda txn: log.append("commit"))

    async def main() -> None:
        async with atransaction():
            async for number in numbers():
                log.append(str(number))
            log.append("end")

    asyncio.run(main())
    assert log == ["1", "end", "commit"]


def test_the_cancellation_of_the_block_rolls_back(log: Log) -> None:
    async def main() -> None:
        async def work() -> None:
            async with atransaction():
                await step(log, "a")()
                reached.set()
                await asyncio.Event().wait()

        reached = asyncio.Event()
        working = asyncio.create_task(work())
        await reached.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(main())
    assert log == ["a", "undo a"]


def test_a_lock_that_another_coroutine_holds_does_not_block_the_loop() -> None:
    class Locks:
        def __init__(self) -> None:
            self.held = asyncio.Lock()
            self.records: dict[str, Any] = {}

        def exists(self, key: str) -> bool:
            return key in self.records

        def read(self, key: str, holder: str | None = None) -> Any:
            return self.records.get(key)

        def write(self, key: str, obj: Any, holder: str | None = None) -> None:
            self.records[key] = obj

        def supports_isolation_level(self, level: IsolationLevel) -> bool:
            return True

        async def aacquire_lock(self, key: str, holder: str) -> bool:
            return await self.held.acquire()

        def release_lock(self, key: str, holder: str) -> None:
            loop.call_soon_threadsafe(self.held.release)

    async def one(store: Any, value: int) -> bool:
        level = IsolationLevel.SERIALIZABLE
        async with atransaction("k", store, isolation_level=level) as txn:
            known = txn.is_committed()
            await asyncio.sleep(0)
            txn.stage(value)
        assert (await txn.read()) == 1
        return known

    async def main() -> list[bool]:
        nonlocal loop
        loop = asyncio.get_running_loop()
        store = Locks()
        return await asyncio.gather(one(store, 1), one(store, 2))

    loop: Any = None
    assert asyncio.run(main()) == [False, True]


def test_a_sync_block_that_would_wait_for_ever_says_so_and_rolls_back(log: Log) -> None:
    a = step(log, "a")

    @flow
    async def job() -> None:
        with transaction():
            await step(log, "b")()
            a.submit()

    with pytest.raises(RuntimeError, match="needs the event loop"):
        asyncio.run(job())
    assert log == ["b", "undo b"]
