"""Tasks in processes: values, states, logs and errors arrive; a dead process is a Crashed run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from legato import flow, get_client, get_run_logger, tags, task
from legato.exceptions import SerializationError, UnfinishedRun
from legato.runtime import flow_run, task_run
from legato.task_runners import ProcessPoolTaskRunner

Rows = Callable[..., list[tuple[Any, ...]]]
SCRIPT = Path(__file__).parent / "scripts" / "unguarded.py"


@task
def double(x: int) -> int:
    return 2 * x


@task
def pid_of(x: Any = None) -> int:
    return os.getpid()


@task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_flow(body: Callable[[], Any], workers: int = 2, **options: Any) -> Any:
    """Run `body` as a flow with a process pool."""
    return flow(body, name="test", task_runner=ProcessPoolTaskRunner(workers), **options)()


def test_tasks_run_in_other_processes_and_are_recorded(rows: Rows) -> None:
    @task
    async def inc(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    @task
    def count(n: int) -> Any:
        yield from range(n)

    def body() -> list[Any]:
        pids = pid_of.map(range(4)).result()
        assert os.getpid() not in pids
        assert len(set(pids)) <= 2
        return [double.submit(double.submit(1)).result(), inc.map([1, 2]).result(),
                count.submit(3).result()]  # fmt: skip

    assert in_flow(body) == [4, [2, 3], [0, 1, 2]]
    assert rows("select state_type, count(*) from task_run group by 1") == [("COMPLETED", 9)]
    history = rows(
        "select s.name from task_run_state s join task_run r on r.id = s.task_run_id"
        " where r.name = 'double-1' order by s.position"
    )
    assert history == [("Pending",), ("Running",), ("Completed",)]


def test_an_async_flow_awaits_what_runs_in_processes() -> None:
    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    async def job() -> list[int]:
        return await asyncio.gather(double.submit(1), double.submit(2))

    assert asyncio.run(job()) == [2, 4]


def test_logs_names_tags_and_retries_are_those_of_the_run(rows: Rows) -> None:
    tries = "tries.txt"

    @task(tags=["own"], retries=1, log_prints=True)
    def look(folder: str) -> dict[str, Any]:
        get_run_logger().info("first %s", task_run.name)
        print("printed")
        marker = Path(folder) / tries
        if not marker.exists():
            marker.touch()
            raise ValueError("again")
        return {
            "name": task_run.name, "count": task_run.run_count, "tags": sorted(task_run.tags),
            "flow": flow_run.name, "flow_name": flow_run.flow_name,
        }  # fmt: skip

    def body() -> list[Any]:
        with tags("context"):
            return [look.submit(os.environ["LEGATO_HOME"]).result(), flow_run.name]

    found, name = in_flow(body, flow_run_name="here")
    assert found == {
        "name": "look-0", "count": 2, "tags": ["context", "own"],
        "flow": name, "flow_name": "test",
    }  # fmt: skip
    lines = rows("select message from log where task_run_id is not null order by seq")
    kept = [line for (line,) in lines if "Retry" not in line]
    assert kept == ["first look-0", "printed"] * 2


def test_errors_keep_their_type_and_the_traceback_of_the_other_process() -> None:
    class OwnError(Exception):
        def __init__(self, left: int, right: int) -> None:
            super().__init__(f"{left} and {right}")

    @task
    def fail(strange: bool) -> None:
        raise OwnError(1, 2) if strange else KeyError("missing")

    def body() -> None:
        plain, strange = fail.submit(False), fail.submit(True)
        with pytest.raises(KeyError, match="missing") as caught:
            plain.result()
        assert "in fail" in "".join(caught.value.__notes__)
        with pytest.raises(RuntimeError, match="OwnError: 1 and 2"):
            strange.result()
        blocked = double.submit(plain)
        with pytest.raises(UnfinishedRun, match="NotReady"):
            blocked.result()

    in_flow(body)


def test_a_killed_process_is_a_crashed_run_and_the_others_go_on(rows: Rows) -> None:
    def body() -> list[Any]:
        dead, alive = die.submit(), double.map(range(5))
        dead.wait()
        return [str(dead.state), alive.result(), double.submit(5).result()]

    state, *values = in_flow(body, workers=1)
    assert state == (
        "Crashed('The process of the task was ended by SIGKILL before the task had ended.')"
    )
    assert values == [[0, 2, 4, 6, 8], 10]
    found = rows("select name, state_type, run_count from task_run where name = 'die-0'")
    assert found == [("die-0", "CRASHED", 1)]


def test_what_runs_inside_of_a_killed_task_is_closed_too(rows: Rows) -> None:
    @flow
    def sub() -> None:
        die()

    @task
    def outer() -> None:
        sub()

    def body() -> str:
        future = outer.submit()
        future.wait()
        return future.state.name

    assert in_flow(body) == "Crashed"
    assert set(rows("select state_type from task_run")) == {("CRASHED",)}
    assert sorted(rows("select state_type from flow_run")) == [("COMPLETED",), ("CRASHED",)]


def test_tasks_in_processes_call_tasks_flows_and_the_client(rows: Rows) -> None:
    @flow
    def sub(x: int) -> int:
        return double(x)

    @task
    def outer(x: int) -> list[Any]:
        with get_client(sync_client=True) as client:
            name = client.read_flow_run(flow_run.id).name
        return [double(x), double.submit(x).result(), sub(x), name]

    def body() -> list[Any]:
        return [outer.submit(3).result(), flow_run.name]

    found, name = in_flow(body)
    assert found == [6, 6, 6, name]
    assert set(rows("select state_type from task_run")) == {("COMPLETED",)}
    assert rows("select count(*) from flow_run where parent_task_run_id is not null") == [(1,)]


def test_what_cannot_be_sent_is_named() -> None:
    @task
    def give() -> Any:
        return threading.Lock()

    def body() -> None:
        with pytest.raises(SerializationError, match="Argument 'x' of task run 'pid_of-0', lock"):
            pid_of.submit(threading.Lock()).result()
        with pytest.raises(SerializationError, match="What task 'give' returned, lock, cannot"):
            give.submit().result()

    in_flow(body)


def test_a_flow_that_times_out_kills_what_is_at_work(rows: Rows) -> None:
    @task
    def forever(x: int) -> None:
        time.sleep(60)

    @flow(timeout_seconds=1, task_runner=ProcessPoolTaskRunner(max_workers=1))
    def job() -> None:
        forever.map(range(2)).wait()

    began = time.monotonic()
    assert job(return_state=True).name == "TimedOut"
    assert time.monotonic() - began < 10
    assert sorted(rows("select state_type from task_run")) == [("CANCELLED",), ("CRASHED",)]


def set_variable(name: str, value: str) -> None:
    os.environ[name] = value


def test_initializers_run_in_each_process() -> None:
    @task
    def read() -> str | None:
        return os.environ.get("FROM_INITIALIZER")

    given = ("FROM_INITIALIZER", "yes")
    runner = ProcessPoolTaskRunner(1, initializer=set_variable, initargs=given)
    assert flow(lambda: read.submit().result(), name="job", task_runner=runner)() == "yes"


def test_a_script_without_a_guard_works_with_tasks_of_its_main_module(home: Path) -> None:
    run = subprocess.run(
        [sys.executable, SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout) == (0, "[1, 4, 9] Point(x=2)\n"), run.stderr
