"""Tasks in processes: values, states, logs and errors arrive; a dead process is a Crashed run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato._sdk import processes
from legato.task_runners import ProcessPoolTaskRunner, TaskRunner
from tests.sdk.remote_suite import SCRIPTS, RemoteSuite, Rows, die, double, in_flow

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="runner")
def two_processes() -> TaskRunner:
    return ProcessPoolTaskRunner(max_workers=2)


@pytest.fixture
def fragile(runner: TaskRunner) -> TaskRunner:
    return runner


class TestProcessPool(RemoteSuite):
    reruns = False


def test_a_killed_process_is_a_crashed_run_and_the_others_go_on(rows: Rows) -> None:
    def body() -> list[Any]:
        dead, alive = die.submit(), double.map(range(5))
        dead.wait()
        return [str(dead.state), alive.result(), double.submit(5).result()]

    state, *values = in_flow(ProcessPoolTaskRunner(1), body)
    assert state == (
        "Crashed('The process of the task was ended by SIGKILL before the task had ended.')"
    )
    assert values == [[0, 2, 4, 6, 8], 10]
    found = rows("select name, state_type, run_count from task_run where name = 'die-0'")
    assert found == [("die-0", "CRASHED", 1)]


def test_a_flow_that_times_out_kills_processes_that_do_not_listen(rows: Rows) -> None:
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


def test_a_process_that_begins_as_the_flow_times_out_is_killed(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not among those at work yet when they are killed."""
    begins, stopped = threading.Event(), threading.Event()

    class Late(processes.Worker):
        def __init__(self, greeting: bytes) -> None:
            super().__init__(greeting)
            begins.set()
            assert stopped.wait(60)

    stop = processes.Workers.stop

    def stop_and_tell(self: processes.Workers) -> None:
        stop(self)
        stopped.set()

    monkeypatch.setattr(processes, "Worker", Late)
    monkeypatch.setattr(processes.Workers, "stop", stop_and_tell)

    @task
    def forever() -> None:
        time.sleep(60)

    @flow(timeout_seconds=0.5, task_runner=ProcessPoolTaskRunner(max_workers=1))
    def job() -> None:
        future = forever.submit()
        begins.wait()
        future.wait()

    began = time.monotonic()
    assert job(return_state=True).name == "TimedOut"
    assert time.monotonic() - began < 30
    assert rows("select state_type from task_run") == [("CRASHED",)]


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
        [sys.executable, SCRIPTS / "unguarded.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (0, "[1, 4, 9] Point(x=2)\n"), run.stderr
