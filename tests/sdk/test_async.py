"""Async flows and tasks: whose loop they run on, and what is said of those who block it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import uvloop

from legato import flow, task
from legato.exceptions import NotAwaitedError
from legato.futures import as_completed
from legato.task_runners import ThreadPoolTaskRunner

Rows = Callable[..., list[tuple[Any, ...]]]


@task
async def inc(x: int) -> int:
    await asyncio.sleep(0)
    return x + 1


@task
async def loop_of() -> tuple[int, int]:
    return id(asyncio.get_running_loop()), threading.get_ident()


@task
def double(x: int) -> int:
    return 2 * x


@task
async def bad() -> None:
    raise ValueError("no")


def test_futures_are_awaited_and_arrive(rows: Rows) -> None:
    @flow
    async def job() -> list[Any]:
        future, mapped = inc.submit(1), inc.map([1, 2])
        arrived = [f.result() async for f in as_completed([*mapped, double.submit(4)])]
        return [await future, await mapped, sorted(arrived), await double.submit(inc.submit(5))]

    assert asyncio.run(job()) == [2, [2, 3], [2, 3, 8], 12]
    assert rows("select distinct state_type from task_run") == [("COMPLETED",)]


def test_in_an_async_flow_async_tasks_run_on_its_loop_and_others_in_threads() -> None:
    @task
    def thread_of() -> int:
        return threading.get_ident()

    @flow
    async def job() -> None:
        here = id(asyncio.get_running_loop()), threading.get_ident()
        assert await loop_of.submit() == here == await loop_of()
        assert await thread_of.submit() != here[1]
        assert thread_of() == here[1]

    asyncio.run(job())


def test_in_a_sync_flow_async_tasks_share_one_loop_for_each_run() -> None:
    @flow
    def job() -> set[tuple[int, int]]:
        return {loop_of.submit().result() for _ in range(5)}

    first, second = job(), job()
    assert len(first) == len(second) == 1
    assert threading.get_ident() not in {thread for _, thread in first}


def test_async_tasks_in_a_sync_flow_run_side_by_side() -> None:
    barrier: list[asyncio.Event] = []

    @task
    async def meet(i: int) -> int:
        if not barrier:
            barrier.append(asyncio.Event())
        if i == 9:
            barrier[0].set()
        await barrier[0].wait()
        return i

    assert flow(lambda: meet.map(range(10)).result(), name="job")() == list(range(10))


@pytest.mark.parametrize("call", [lambda f: f.result(), lambda f: f.wait(), double])
def test_blocking_the_loop_that_a_future_needs_is_an_error_that_names_await(call: Any) -> None:
    @flow
    async def job() -> int:
        future = inc.submit(1)
        with pytest.raises(RuntimeError, match="Write `await future`"):
            call(future)
        with pytest.raises(RuntimeError, match="async for"):
            list(as_completed([double.submit(future)]))
        return await future

    assert asyncio.run(job()) == 2


def test_waiting_for_a_thread_in_a_running_loop_is_allowed() -> None:
    @flow
    async def job() -> int:
        return double.submit(1).result()

    assert asyncio.run(job()) == 2


def test_a_failed_async_task_raises_where_it_is_awaited(rows: Rows) -> None:
    @flow
    async def job() -> list[str]:
        future = bad.submit()
        with pytest.raises(ValueError, match="no"):
            await future
        blocked = inc.submit(future)
        with pytest.raises(Exception, match="NotReady"):
            await blocked
        return [future.state.name, blocked.state.name]

    assert asyncio.run(job()) == ["Failed", "NotReady"]


def test_an_async_flow_waits_for_what_nobody_awaited(rows: Rows) -> None:
    @flow
    async def job() -> str:
        inc.map(range(5), wait_for=[double.submit(1)])
        return "early"

    assert asyncio.run(job()) == "early"
    assert rows("select state_type, count(*) from task_run group by 1") == [("COMPLETED", 6)]


def test_returned_futures_of_an_async_flow_become_states() -> None:
    @flow
    async def job() -> Any:
        return [inc.submit(1), double.submit(2)]

    assert [state.result() for state in asyncio.run(job())] == [2, 4]


@pytest.mark.parametrize("limit", [1, 2, None])
def test_async_tasks_that_wait_for_others_never_lock_up(limit: int | None) -> None:
    @task
    async def tree(depth: int) -> int:
        if depth == 0:
            return 1
        left, right = await asyncio.gather(*[tree.submit(depth - 1) for _ in range(2)])
        return left + right + double.fn(0)

    @flow(task_runner=ThreadPoolTaskRunner(limit))
    async def job() -> int:
        return await tree.submit(3)

    @flow(task_runner=ThreadPoolTaskRunner(limit))
    def sync_job() -> int:
        return tree.submit(3).result()

    assert (asyncio.run(job()), sync_job()) == (8, 8)


def test_no_more_async_tasks_than_max_workers_are_at_work() -> None:
    at_work, most = [0], [0]

    @task
    async def work() -> None:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        await asyncio.sleep(0.002)
        at_work[0] -= 1

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    async def job() -> None:
        await asyncio.gather(*[work.submit() for _ in range(8)])

    asyncio.run(job())
    assert most == [2]


def test_a_coroutine_that_was_never_awaited_fails_the_flow_and_names_the_line(rows: Rows) -> None:
    @flow
    async def child() -> None:
        pass

    @flow
    async def job() -> int:
        inc(1)
        child()
        return 1

    @flow
    def sync_job() -> int:
        inc(1)
        return 1

    for run in (lambda: asyncio.run(job()), sync_job):
        with pytest.raises(NotAwaitedError, match=r"'inc' called in test_async.py, line \d+"):
            run()
    assert rows("select state_type from flow_run") == [("FAILED",), ("FAILED",)]
    with pytest.raises(NotAwaitedError, match="flow 'child' called"):
        asyncio.run(job())


def test_a_coroutine_that_the_loop_was_given_counts_as_awaited() -> None:
    kept: list[Any] = []

    @flow
    async def job() -> int:
        kept.append(asyncio.ensure_future(inc(1)))
        return 1

    async def main() -> list[Any]:
        return [await job(), await kept[0]]

    assert asyncio.run(main()) == [1, 2]


def test_a_task_that_blocks_the_loop_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def slow() -> None:
        time.sleep(0.11)

    @flow
    async def job() -> None:
        slow()
        slow()
        await slow.submit()

    @flow
    def sync_job() -> None:
        slow()

    sync_job()
    assert "event loop" not in caplog.text
    asyncio.run(job())
    assert caplog.text.count("has held up the event loop for") == 1
    assert "await slow.submit(...)" in caplog.text


def test_flows_run_on_uvloop() -> None:
    @flow
    async def job() -> list[Any]:
        assert "uvloop" in type(asyncio.get_running_loop()).__module__
        return [await inc(1), await inc.submit(2), await double.submit(3)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(job()) == [2, 3, 6]


def test_flows_run_under_anyio_and_its_task_groups() -> None:
    found: list[int] = []

    @flow
    async def job() -> list[int]:
        async def add(x: int) -> None:
            found.append(await inc(x))

        async with anyio.create_task_group() as group:
            for x in range(3):
                group.start_soon(add, x)
        found.append(await inc.submit(10))
        return sorted(found)

    assert anyio.run(job) == [1, 2, 3, 11]


def test_a_sync_flow_may_run_loops_of_its_own() -> None:
    @flow
    def job() -> list[Any]:
        async def main() -> list[Any]:
            return [await inc(1), await inc.submit(2), inc.submit(3).result()]

        return [asyncio.run(main()), asyncio.run(inc(4))]

    assert job() == [[2, 3, 4], 5]


def test_a_sync_flow_works_inside_of_a_running_loop() -> None:
    @flow
    def job() -> list[Any]:
        return [double(1), double.submit(2).result(), inc.submit(3).result()]

    async def main() -> list[Any]:
        return job()

    assert asyncio.run(main()) == [2, 4, 4]


def test_context_variables_leave_direct_calls_and_not_submitted_ones() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    @task
    async def write(value: str) -> str:
        before = variable.get()
        variable.set(value)
        return before

    @flow
    async def job() -> list[str]:
        await write("direct")
        submitted = await write.submit("submitted")
        return [submitted, variable.get()]

    assert asyncio.run(job()) == ["direct", "direct"]


def test_a_cancelled_async_task_is_a_crashed_run(rows: Rows) -> None:
    @task
    async def forever() -> None:
        await asyncio.Event().wait()

    @flow
    async def job() -> str:
        future = forever.submit()
        await asyncio.sleep(0)
        for other in asyncio.all_tasks() - {asyncio.current_task()}:
            other.cancel()
        await asyncio.wait([asyncio.ensure_future(_ended(future))])
        return future.state.name

    assert asyncio.run(job()) == "Crashed"


async def _ended(future: Any) -> None:
    await future
