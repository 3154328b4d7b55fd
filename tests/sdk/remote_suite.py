"""What every task runner does whose tasks run in other processes: pools, Dask and Ray.

A test module has a subclass of `RemoteSuite` and a fixture `runner`: one with two workers, each of
which does one task at a time.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from legato import flow, get_client, get_run_logger, tags, task
from legato.exceptions import SerializationError, UnfinishedRun
from legato.runtime import flow_run, task_run
from legato.task_runners import TaskRunner
from legato.transactions import get_transaction, transaction

Rows = Callable[..., list[tuple[Any, ...]]]
STATES = (
    "select r.name, s.name from task_run_state s join task_run r on r.id = s.task_run_id"
    " order by s.position"
)
MANY = 200
SCRIPTS = Path(__file__).parent / "scripts"


@task
def double(x: int) -> int:
    return 2 * x


@task
def pid_of(x: Any = None) -> int:
    return os.getpid()


@task
def work(x: int, dies_at: int, folder: str) -> tuple[int, int]:
    get_run_logger().info("work on %s", x)
    once = Path(folder) / "died"
    if x == dies_at and not once.exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), x


@task
def refuse() -> None:
    raise ValueError("no")


@task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_flow(runner: TaskRunner, body: Callable[[], Any], **options: Any) -> Any:
    """Run `body` as a flow with the task runner."""
    return flow(body, name="test", task_runner=runner, **options)()


def interrupt(home: Path, number: signal.Signals, script: Path, *args: str) -> None:
    """Run a script that submits two endless tasks; send a signal; see that all has ended."""
    child = subprocess.Popen(
        [sys.executable, script, *args], env={**os.environ, "LEGATO_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        pids = [int(child.stdout.readline()) for _ in range(2)]
        child.send_signal(number)
        _, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 128 + number, errors
    assert all(gone(pid) for pid in pids)
    with closing(sqlite3.connect(home / "legato.db")) as connection:
        for table in ("flow_run", "task_run"):
            states = connection.execute(f"select distinct state_type from {table}").fetchall()
            assert states == [("CRASHED",)]


def gone(pid: int) -> bool:
    """Wait until a process has ended; a reaper may still have to take note of it."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 30)[0])
    finally:
        os.close(process)


def given_up(runner: TaskRunner, rows: Rows) -> str:
    """Let a task kill its worker, once too often for the engine; return its state in words."""

    def body() -> list[Any]:
        dead = die.submit()
        dead.wait()
        return [str(dead.state), double.submit(5).result()]

    state, value = in_flow(runner, body)
    assert value == 10
    assert histories(rows)["die-0"] == ["Pending", "Running", "Crashed"]
    found: str = state
    return found


def histories(rows: Rows) -> dict[str, list[str]]:
    """Return the names of the states of each task run, in order."""
    found: dict[str, list[str]] = {}
    for run, state in rows(STATES):
        found.setdefault(run, []).append(state)
    return found


class RemoteSuite:
    reruns: ClassVar[bool]
    """Whether the engine runs a task again whose worker died."""

    def test_many_tasks_on_two_workers(self, runner: TaskRunner, rows: Rows, home: Path) -> None:
        def body() -> list[tuple[int, int]]:
            return work.map(range(MANY), -1, str(home)).result()

        found = in_flow(runner, body)
        assert [x for _, x in found] == list(range(MANY))
        pids = {pid for pid, _ in found}
        assert len(pids) == 2
        assert os.getpid() not in pids
        complete = ["Pending", "Running", "Completed"]
        assert histories(rows) == {f"work-{n}": complete for n in range(MANY)}
        lines = rows("select message from log where task_run_id is not null")
        assert sorted(lines) == sorted((f"work on {n}",) for n in range(MANY))

    def test_a_worker_that_is_killed_in_the_middle(
        self, runner: TaskRunner, rows: Rows, home: Path
    ) -> None:
        def body() -> list[Any]:
            futures = work.map(range(MANY), MANY // 2, str(home))
            futures.wait()
            return [future.state.name for future in futures]

        names = in_flow(runner, body)
        victim = names.pop(MANY // 2)
        assert set(names) == {"Completed"}
        history = histories(rows)
        lines = rows("select count(*) from log where message = 'work on 100'")
        if self.reruns:
            assert victim == "Completed"
            again = ["Pending", "Running", "AwaitingRetry", "Running", "Completed"]
            assert history.pop("work-100") == again
            assert rows("select run_count from task_run where name = 'work-100'") == [(2,)]
            assert lines == [(2,)]
        else:
            assert victim == "Crashed"
            assert history.pop("work-100") == ["Pending", "Running", "Crashed"]
            assert lines == [(1,)]
        # what had not begun on the dead worker begins on another one, which is not an attempt
        assert set(map(tuple, history.values())) == {("Pending", "Running", "Completed")}

    def test_values_of_all_kinds_of_tasks_and_futures_as_arguments(
        self, runner: TaskRunner, rows: Rows
    ) -> None:
        @task
        async def inc(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        @task
        def count(n: int) -> Any:
            yield from range(n)

        def body() -> list[Any]:
            assert os.getpid() not in pid_of.map(range(4)).result()
            return [double.submit(double.submit(1)).result(), inc.map([1, 2]).result(),
                    count.submit(3).result()]  # fmt: skip

        assert in_flow(runner, body) == [4, [2, 3], [0, 1, 2]]
        assert rows("select state_type, count(*) from task_run group by 1") == [("COMPLETED", 9)]

    def test_an_async_flow_awaits_them(self, runner: TaskRunner) -> None:
        @flow(task_runner=runner)
        async def job() -> list[int]:
            return await asyncio.gather(double.submit(1), double.submit(2))

        assert asyncio.run(job()) == [2, 4]

    def test_logs_names_tags_and_retries_are_those_of_the_run(
        self, runner: TaskRunner, rows: Rows, home: Path
    ) -> None:
        @task(tags=["own"], retries=1, log_prints=True)
        def look(folder: str) -> dict[str, Any]:
            get_run_logger().info("first %s", task_run.name)
            print("printed")
            marker = Path(folder) / "tries.txt"
            if not marker.exists():
                marker.touch()
                raise ValueError("again")
            return {
                "name": task_run.name, "count": task_run.run_count, "tags": sorted(task_run.tags),
                "flow": flow_run.name, "flow_name": flow_run.flow_name,
            }  # fmt: skip

        def body() -> list[Any]:
            with tags("context"):
                return [look.submit(str(home)).result(), flow_run.name]

        found, name = in_flow(runner, body, flow_run_name="here")
        assert found == {
            "name": "look-0", "count": 2, "tags": ["context", "own"],
            "flow": name, "flow_name": "test",
        }  # fmt: skip
        lines = rows("select message from log where task_run_id is not null order by seq")
        kept = [line for (line,) in lines if "Retry" not in line]
        assert kept == ["first look-0", "printed"] * 2

    def test_errors_keep_their_type_and_the_traceback_of_the_other_process(
        self, runner: TaskRunner
    ) -> None:
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

        in_flow(runner, body)

    def test_they_call_tasks_flows_and_the_client(self, runner: TaskRunner, rows: Rows) -> None:
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

        found, name = in_flow(runner, body)
        assert found == [6, 6, 6, name]
        assert set(rows("select state_type from task_run")) == {("COMPLETED",)}
        assert rows("select count(*) from flow_run where parent_task_run_id is not null") == [(1,)]

    def test_results_are_stored_where_the_flows_around_say(
        self, runner: TaskRunner, tmp_path: Path
    ) -> None:
        @task
        def quadruple(x: int) -> int:
            return double(double(x))

        @flow(task_runner=runner)
        def inside() -> int:
            return quadruple.submit(3).result()

        there = tmp_path / "there"

        @flow(result_storage=there, result_serializer="json")
        def outside() -> int:
            return inside()

        assert outside() == 12
        files = [path for path in there.rglob("*") if path.is_file()]
        stored = sorted(path.read_text().rpartition("\n")[2] for path in files)
        assert stored == ["12"] * 4 + ["6"]  # of three tasks and two flows

    def test_what_cannot_be_sent_is_named(self, runner: TaskRunner) -> None:
        @task
        def give() -> Any:
            return threading.Lock()

        def body() -> None:
            with pytest.raises(SerializationError, match="'x' of task run 'pid_of-0', lock"):
                pid_of.submit(threading.Lock()).result()
            with pytest.raises(SerializationError, match="What task 'give' returned, lock, cannot"):
                give.submit().result()

        in_flow(runner, body)

    def test_hooks_of_a_transaction_run_in_the_flows_process(
        self, runner: TaskRunner, rows: Rows
    ) -> None:
        undone: list[int] = []

        @task
        def place() -> int:
            own = get_transaction()
            assert own is not None
            own.set("pid", os.getpid())
            return os.getpid()

        place.on_rollback(lambda txn: undone.append(txn.get("pid")))

        def body() -> int:
            with transaction() as txn:
                pid = place.submit().result()
                assert undone == []
                refuse.submit().wait()
            assert txn.is_rolled_back()
            return pid

        assert [in_flow(runner, body)] == undone
        assert rows("select state_name from task_run where name like 'place%'") == [("RolledBack",)]

    def test_a_timeout_interrupts_the_function(self, runner: TaskRunner, rows: Rows) -> None:
        @task(timeout_seconds=0.3)
        def spin() -> None:
            while True:
                time.sleep(0.01)

        @task(timeout_seconds=0.3)
        async def wait() -> None:
            await asyncio.sleep(60)

        def body() -> list[str]:
            futures = [spin.submit(), wait.submit()]
            for future in futures:
                future.wait()
            return [future.state.name for future in futures]

        assert in_flow(runner, body) == ["TimedOut", "TimedOut"]

    def test_what_runs_inside_of_a_killed_task_is_closed_too(
        self, fragile: TaskRunner, rows: Rows
    ) -> None:
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

        assert in_flow(fragile, body) == "Crashed"
        assert set(rows("select state_type from task_run")) == {("CRASHED",)}
        assert sorted(rows("select state_type from flow_run")) == [("COMPLETED",), ("CRASHED",)]

    def test_a_flow_that_times_out_ends_what_is_at_work(
        self, runner: TaskRunner, rows: Rows
    ) -> None:
        @task
        def forever(x: int) -> None:
            while True:
                time.sleep(0.01)

        @flow(timeout_seconds=2, task_runner=runner)
        def job() -> None:
            forever.map(range(2)).wait()
            forever.submit(2)

        assert job(return_state=True).name == "TimedOut"
        ended = {state for (state,) in rows("select state_type from task_run")}
        assert ended <= {"CRASHED", "CANCELLED"}
        # the workers of others are free again
        assert in_flow(runner, lambda: double.map([1, 2]).result()) == [2, 4]
