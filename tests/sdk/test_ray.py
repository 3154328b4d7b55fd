"""Tasks on the workers of Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import ray

from legato import task
from legato.exceptions import ConfigurationError
from legato.task_runners import RayTaskRunner, TaskRunner, remote_options
from tests.sdk.remote_suite import (
    SCRIPTS,
    RemoteSuite,
    Rows,
    double,
    given_up,
    in_flow,
    interrupt,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORE = 80 * 1024**2
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def instance() -> Iterator[str]:
    """Have this process connected to an instance of Ray; return the address of that."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONBREAKPOINT", "")  # Ray sets it, for what this process starts later, too
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        found = ray.init(
            num_cpus=2, include_dashboard=False, object_store_memory=STORE, log_to_driver=False
        )
        signal.signal(signal.SIGTERM, before)  # Ray has taken it
        yield found.address_info["gcs_address"]
        ray.shutdown()


@pytest.fixture
def runner(instance: str) -> TaskRunner:
    return RayTaskRunner()


@pytest.fixture
def fragile(runner: TaskRunner) -> Iterator[TaskRunner]:
    """Return a runner whose engine does not run a task again."""
    with remote_options(max_retries=0):
        yield runner


class TestRay(RemoteSuite):
    reruns = True


def test_a_task_that_ray_gives_up_is_a_crashed_run(fragile: TaskRunner, rows: Rows) -> None:
    assert "Ray did not run the task to its end: WorkerCrashedError: " in given_up(fragile, rows)


def test_remote_options_hold_for_what_is_submitted_in_their_block(runner: TaskRunner) -> None:
    @task
    def cpus(_: Any = None) -> float:
        return ray.get_runtime_context().get_assigned_resources()["CPU"]

    def body() -> list[Any]:
        with remote_options(num_cpus=2), remote_options(max_retries=1):
            inside = [cpus.submit(double.submit(1)), cpus.submit()]
        with pytest.raises(ValueError, match="wrong_option"), remote_options(wrong_option=1):
            cpus.submit().result()
        return [*(future.result() for future in inside), cpus.submit().result()]

    assert in_flow(runner, body) == [2, 2, 1]


def test_the_number_of_returns_is_not_an_option() -> None:
    with pytest.raises(ValueError, match="num_returns is fixed"), remote_options(num_returns=2):
        pass


def test_a_running_instance_is_reached_by_its_address(instance: str, home: Path) -> None:
    child = subprocess.run(
        [sys.executable, SCRIPTS / "ray_by_address.py", instance],
        env={**os.environ, "LEGATO_HOME": str(home)},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert (child.returncode, child.stdout.splitlines()[-1:]) == (0, ["[0, 2, 4]"]), child.stderr


def test_an_address_where_nobody_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        runner = RayTaskRunner(address=address)
        with pytest.raises(ConfigurationError, match=f"no Ray answers at {address}: .*refused"):
            in_flow(runner, lambda: double.submit(1).result())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"address": "somewhere"}, "address is that of a cluster"),
        ({"address": 6379}, "address is that of a cluster"),
        ({"init_kwargs": {"address": "auto"}}, "init_kwargs holds address"),
        ({"init_kwargs": ["num_cpus"]}, "init_kwargs must be a dict of keyword arguments"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        RayTaskRunner(**options)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "legato\[ray\]"'):
        RayTaskRunner()


def test_a_terminated_flow_ends_its_workers(instance: str, home: Path) -> None:
    interrupt(home, signal.SIGTERM, SCRIPTS / "interrupted_ray.py", instance)
