"""The active run goes along to threads and processes of the user's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from legato import flow, get_run_logger, task
from legato.context import (
    FlowRunContext,
    TaskRunContext,
    hydrated_context,
    serialize_context,
    with_context,
)
from legato.exceptions import MissingContextError

Rows = Callable[..., list[tuple[Any, ...]]]
POOLS = Path(__file__).parent / "scripts" / "pools.py"


@pytest.mark.parametrize(
    ("pool", "result", "tasks"),
    [("threads", 24, 8), ("spawn", 26, 8), ("loky", 20, 5)],
)
def test_tasks_in_a_pool_belong_to_the_flow_run(
    rows: Rows, pool: str, result: int, tasks: int
) -> None:
    run = subprocess.run([sys.executable, POOLS, pool], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, f"{result}\n"), run.stderr
    assert rows("select state_type from flow_run") == [("COMPLETED",)]
    assert rows(
        "select count(*) from task_run t join flow_run f on f.id = t.flow_run_id"
        " where t.state_type = 'COMPLETED'"
    ) == [(tasks,)]
    assert rows("select count(*) from task_run where tags like '%pool%'") == [(tasks,)]
    told = rows("select count(*) from log where message like 'doubling%'")
    assert told == [(tasks - (pool == "threads"),)]  # one of them is the task around


@task
def seen() -> tuple[Any, ...]:
    run, inner = FlowRunContext.get(), TaskRunContext.get()
    assert run is not None
    assert inner is not None
    get_run_logger().warning("here")
    return run.id, run.name


def test_a_context_that_was_described_can_be_made_active_again(rows: Rows) -> None:
    described: list[dict[str, Any]] = []

    @task
    def describes() -> None:
        described.append(serialize_context())

    @flow(log_prints=True)
    def work() -> tuple[Any, ...]:
        describes()
        active = FlowRunContext.get()
        assert active is not None
        return active.id, active.name

    expected = work()
    with hydrated_context(described[0]):
        inner = TaskRunContext.get()
        assert inner is not None
        assert inner.task.name == "describes"
        get_run_logger().warning("from outside")
        assert serialize_context()["flow"]["id"] == expected[0]
    assert FlowRunContext.get() is None
    kept = rows("select l.message from log l join task_run t on t.id = l.task_run_id")
    assert kept == [("from outside",)]
    with hydrated_context():
        assert FlowRunContext.get() is None
    with hydrated_context(serialize_context()):
        assert FlowRunContext.get() is None


def test_a_context_of_another_home_is_refused() -> None:
    described = {**serialize_context(), "home": "/elsewhere"}
    block = hydrated_context(described)
    with pytest.raises(MissingContextError, match=r"'/elsewhere'.*LEGATO_HOME"), block:
        pass


def test_outside_of_runs_a_function_takes_nothing_along() -> None:
    assert with_context(lambda x: x + 1)(1) == 2
