"""Tasks on the workers of Dask."""

from __future__ import annotations

import signal
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Client, LocalCluster, get_client

from legato import task
from legato.exceptions import ConfigurationError
from legato.task_runners import DaskTaskRunner, TaskRunner
from tests.sdk.remote_suite import (
    SCRIPTS,
    RemoteSuite,
    Rows,
    double,
    given_up,
    in_flow,
    interrupt,
    pid_of,
)

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}


@pytest.fixture(scope="module")
def started() -> Iterator[Any]:
    with LocalCluster(**SMALL) as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture
def cluster(started: Any) -> Any:
    """Return the cluster once it has its workers, those included that a test before has killed."""
    started.wait_for_workers(2)
    return started.cluster


@pytest.fixture
def runner(cluster: Any) -> TaskRunner:
    return DaskTaskRunner(cluster=cluster)


@pytest.fixture
def fragile(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> TaskRunner:
    """Return a runner whose engine does not run a task again."""
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    return DaskTaskRunner(cluster=cluster)


class TestDask(RemoteSuite):
    reruns = True


def test_a_cluster_of_its_own_ends_with_the_flow() -> None:
    runner = DaskTaskRunner(
        cluster_class="distributed.LocalCluster",
        cluster_kwargs={
            "processes": False,
            "n_workers": 0,
            "name": "own",
            "dashboard_address": ":0",
        },
        adapt_kwargs={"minimum": 1, "maximum": 1},
        client_kwargs={"name": "ours"},
    )

    @task
    def clients() -> Any:
        return get_client().run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.clients])

    def body() -> list[Any]:
        return [double.map(range(3)).result(), clients.submit().result()]

    values, names = in_flow(runner, body)
    assert values == [0, 2, 4]
    assert any("ours" in name for name in names)
    own = [cluster for cluster in LocalCluster._instances if cluster.name == "own"]
    assert [cluster.status.name for cluster in own] == ["closed"]


def test_annotations_hold_for_what_is_submitted_in_their_block(
    cluster: Any, runner: TaskRunner
) -> None:
    def body() -> list[Any]:
        first, second = list(cluster.scheduler.workers)
        pids = {}
        for address in (first, second):
            with dask.annotate(workers=[address]):
                later = pid_of.submit(double.submit(1))
                pids[address] = [*pid_of.map(range(4)).result(), later.result()]
        return list(pids.values())

    first, second = in_flow(runner, body)
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]


def test_a_task_that_kills_every_worker_is_a_crashed_run(fragile: TaskRunner, rows: Rows) -> None:
    assert "Dask did not run the task to its end: KilledWorker: " in given_up(fragile, rows)


def test_a_running_scheduler_is_reached_by_its_address(cluster: Any) -> None:
    runner = DaskTaskRunner(address=cluster.scheduler_address)
    assert in_flow(runner, lambda: double.submit(1).result()) == 2
    assert in_flow(runner, lambda: double.submit(2).result()) == 4  # it was left running


def test_an_address_where_nobody_answers_is_named() -> None:
    runner = DaskTaskRunner(address="tcp://127.0.0.1:1", client_kwargs={"timeout": 0.1})
    with pytest.raises(ConfigurationError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1"):
        in_flow(runner, lambda: double.submit(1).result())


def test_a_worker_without_the_tasks_module_is_said_to_lack_it(runner: TaskRunner) -> None:
    module = types.ModuleType("only_here")
    exec("def triple(x): return 3 * x", module.__dict__)
    sys.modules["only_here"] = module
    try:
        triple = task(module.triple)
        module.triple = triple  # type: ignore[attr-defined]

        def body() -> str:
            future = triple.submit(1)
            future.wait()
            return str(future.state)

        assert "ModuleNotFoundError: No module named 'only_here'" in in_flow(runner, body)
    finally:
        del sys.modules["only_here"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"address": "tcp://h:1", "cluster_class": "a.B"}, "address and cluster_class each name"),
        ({"address": "tcp://h:1", "cluster_kwargs": {"n_workers": 1}}, "cluster_kwargs are for"),
        ({"address": "tcp://h:1", "adapt_kwargs": {"minimum": 1}}, "adapt_kwargs are for"),
        ({"cluster": object(), "cluster_kwargs": {"n": 1}}, "cluster_kwargs are for"),
        ({"address": "somewhere"}, "address is that of a scheduler"),
        ({"cluster_class": "LocalCluster"}, "cluster_class is a class or its dotted path"),
        ({"cluster_kwargs": {"asynchronous": True}}, "cluster_kwargs holds asynchronous"),
        ({"client_kwargs": {"address": "tcp://h:1"}}, "client_kwargs holds address"),
        ({"client_kwargs": 3}, "client_kwargs must be a dict of keyword arguments, not 3"),
    ],
)
def test_options_that_cannot_be_are_named(options: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        DaskTaskRunner(**options)


def test_a_class_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"cluster_class 'distributed\.Clutser' cannot be"):
        in_flow(DaskTaskRunner(cluster_class="distributed.Clutser"), lambda: double.submit(1))


def test_a_cluster_that_does_not_start_names_the_usual_reason() -> None:
    def start() -> None:
        raise RuntimeError("Nanny failed to start.")

    with pytest.raises(ConfigurationError, match=r"Nanny failed .* below `if __name__ == "):
        in_flow(DaskTaskRunner(cluster_class=start), lambda: double.submit(1))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(ImportError, match=r'performance_report_path needs .*pip install "bokeh"'):
        DaskTaskRunner(performance_report_path="report.html")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r'pip install "legato\[dask\]"'):
        DaskTaskRunner()


def test_the_report_of_dask_is_written(cluster: Any, tmp_path: Path) -> None:
    pytest.importorskip("bokeh", reason="Dask's report needs bokeh", exc_type=ImportError)
    report = tmp_path / "report.html"
    runner = DaskTaskRunner(cluster=cluster, performance_report_path=str(report))
    in_flow(runner, lambda: double.submit(1).result())
    assert "double" in report.read_text()


def test_equal_options_make_equal_runners() -> None:
    one, same = (DaskTaskRunner(cluster_kwargs={"n_workers": 2}) for _ in range(2))
    assert one == same == one.duplicate()
    assert one != DaskTaskRunner()
    assert repr(one) == "DaskTaskRunner(cluster_kwargs={'n_workers': 2})"


def test_an_interrupted_flow_ends_its_workers(home: Path) -> None:
    interrupt(home, signal.SIGINT, SCRIPTS / "interrupted_dask.py")
