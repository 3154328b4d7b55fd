"""Names of task runs that are made of parameters: futures among them are waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from legato import flow, get_run_logger, task
from legato.runtime import task_run
from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

Rows = Callable[..., list[tuple[Any, ...]]]
NAMES = "select name from task_run where name not like 'load%' order by name"


@task
def load(n: int) -> int:
    return n


@task(task_run_name="use-{x}")
def use(x: Any) -> str:
    return task_run.name


@pytest.mark.parametrize("task_runner", [ThreadPoolTaskRunner(), ProcessPoolTaskRunner()])
def test_a_template_is_filled_with_what_a_future_stands_for(task_runner, rows: Rows) -> None:
    @flow(task_runner=task_runner)
    def job() -> list[str]:
        future = use.submit(load.submit(1))
        inner = use.submit(x=[load.submit(2)])
        mapped = use.map([load.submit(3), 4])
        found = [future.result(), inner.result(), *mapped.result()]
        assert [future.name, inner.name, *(f.name for f in mapped)] == found
        return found

    assert job() == ["use-1", "use-[2]", "use-3", "use-4"]
    assert [name for (name,) in rows(NAMES)] == ["use-1", "use-3", "use-4", "use-[2]"]


def test_a_direct_call_does_the_same(rows: Rows) -> None:
    @task(task_run_name="ause-{x}")
    async def ause(x: Any) -> str:
        await asyncio.sleep(0)
        return task_run.name

    @flow
    async def job() -> list[str]:
        state = load(1, return_state=True)
        return [await ause(state), await ause.submit(load.submit(2)), use(load.submit(3))]

    assert asyncio.run(job()) == ["ause-1", "ause-2", "use-3"]
    assert [name for (name,) in rows(NAMES)] == ["ause-1", "ause-2", "use-3"]


def test_a_callable_is_given_resolved_parameters_and_called_once(rows: Rows) -> None:
    asked = []

    def named(parameters: dict[str, Any]) -> str:
        asked.append((task_run.task_name, dict(parameters)))
        return f"n{parameters['x']}"

    @flow
    def job() -> str:
        options = use.with_options(task_run_name=named)
        return options.submit(load.submit(7), wait_for=[load.submit(8)]).result()

    assert job() == "n7"
    assert asked == [("use", {"x": 7})]
    assert rows(NAMES) == [("n7",)]


def test_lines_carry_the_name_from_the_start_of_the_run(caplog, rows: Rows) -> None:
    @task(task_run_name="use-{x}")
    def says(x: int) -> None:
        get_run_logger().info("hello")

    @flow
    def job() -> None:
        says.submit(load.submit(1)).wait()

    with caplog.at_level(logging.INFO, "legato"):
        job()
    [line] = [record for record in caplog.records if record.getMessage() == "hello"]
    assert line.task_run_name == "use-1"


def test_a_run_that_cannot_start_keeps_its_first_name(rows: Rows) -> None:
    @task
    def bad() -> int:
        raise ValueError("no")

    @flow
    def job() -> None:
        use.submit(bad.submit()).wait()

    job()
    assert rows("select name, state_name from task_run where name like 'use%'") == [
        ("use-0", "NotReady")
    ]


def test_a_name_that_cannot_be_made_fails_the_run(rows: Rows) -> None:
    @flow
    def job() -> None:
        use.with_options(task_run_name="{nosuch}").submit(load.submit(1)).result()

    with pytest.raises(KeyError, match="nosuch"):
        job()
    assert rows("select name, state_type from task_run where name like 'use%'") == [
        ("use-0", "FAILED")
    ]
