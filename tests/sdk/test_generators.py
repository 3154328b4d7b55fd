"""Flows and tasks that yield."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from legato import flow, task
from legato.context import TaskRunContext, get_run_context
from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

Rows = Callable[..., list[tuple[Any, ...]]]


@task
def count(n: int) -> Iterator[int]:
    for i in range(n):
        assert TaskRunContext.get() is not None
        yield i


@task
async def acount(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


def test_a_task_yields_and_completes_when_exhausted(rows: Rows) -> None:
    @flow
    def job() -> list[int]:
        found = []
        for i in count(3):
            assert get_run_context().noun == "Flow run"
            found.append(i)
        return found

    assert job() == [0, 1, 2]
    assert rows("select state_type from task_run") == [("COMPLETED",)]


def test_a_consumer_that_stops_early_completes_the_run(rows: Rows) -> None:
    @flow
    def job() -> int:
        for i in count(100):
            if i == 2:
                break
        return i

    assert job() == 2
    assert rows("select state_type from task_run") == [("COMPLETED",)]


def test_a_failure_arrives_at_the_consumer_and_is_recorded(rows: Rows) -> None:
    @flow
    def breaks() -> Iterator[int]:
        yield 1
        raise ValueError("after one")

    items = breaks()
    assert next(items) == 1
    with pytest.raises(ValueError, match="after one"):
        next(items)
    assert rows("select state_type from flow_run") == [("FAILED",)]


def test_a_sent_value_and_the_return_value_pass_through() -> None:
    @flow
    def echo() -> Iterator[Any]:
        got = yield "ready"
        yield got * 2
        return "end"

    @flow
    def outer() -> Any:
        def drained() -> Any:
            inner = echo()
            assert next(inner) == "ready"
            assert inner.send(21) == 42  # type: ignore[attr-defined]
            with pytest.raises(StopIteration) as stop:
                next(inner)
            return stop.value.value

        return drained()

    assert outer() == "end"


def test_async_generators(rows: Rows) -> None:
    @flow
    async def job() -> AsyncIterator[int]:
        async for i in acount(3):
            yield i * 10

    async def collect() -> list[int]:
        return [i async for i in job()]

    assert asyncio.run(collect()) == [0, 10, 20]
    assert rows("select state_type from flow_run union all select state_type from task_run") == [
        ("COMPLETED",),
        ("COMPLETED",),
    ]


def test_a_generator_that_a_plain_function_returns_is_listed(rows: Rows) -> None:
    @task
    def lazy(fail: bool) -> Any:
        return (1 // (0 if fail else 1) for _ in range(2))

    @flow
    def job(fail: bool) -> Any:
        return lazy(fail)

    assert job(False) == [1, 1]
    with pytest.raises(ZeroDivisionError):
        job(True)
    assert rows("select state_type from task_run order by id") == [("COMPLETED",), ("FAILED",)]


def test_a_generator_has_no_return_state() -> None:
    with pytest.raises(ValueError, match="return_state"):
        count(1, return_state=True)


@pytest.mark.parametrize("task_runner", [ThreadPoolTaskRunner(), ProcessPoolTaskRunner()])
def test_what_a_submitted_task_yields_is_a_list(task_runner, rows: Rows) -> None:
    @flow(task_runner=task_runner)
    def job() -> list[Any]:
        futures = [count.submit(2), acount.submit(2), *acount.map([1, 3])]
        return [future.result() for future in futures]

    assert job() == [[0, 1], [0, 1], [0], [0, 1, 2]]
    assert rows("select distinct state_type from task_run") == [("COMPLETED",)]


def test_a_submitted_async_generator_that_raises_is_failed_at_the_users_line() -> None:
    @task
    async def breaks() -> AsyncIterator[int]:
        yield 1
        raise ValueError("after one")

    @flow
    async def job() -> None:
        await breaks.submit()

    with pytest.raises(ValueError, match="after one") as caught:
        asyncio.run(job())
    assert [entry.name for entry in caught.traceback][-2:] == ["job", "breaks"]
