"""The harness: a home for a block, of which nothing is left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, get_client, task
from legato._settings import current as configuration
from legato.client.schemas.sorting import FlowRunSort
from legato.exceptions import ObjectNotFound
from legato.settings import LEGATO_API_URL, LEGATO_HOME, temporary_settings
from legato.testing import Harness, harness, prefect_test_harness, utilities

if TYPE_CHECKING:
    from pathlib import Path

CHILD = "from legato import flow; flow(name='child')(lambda: 1)()"


@flow
def hello() -> str:
    return "hello"


def names() -> list[str]:
    """Return the flows that were recorded in the home that holds."""
    return sorted(found.name for found in get_client(sync_client=True).read_flows())


def open_files(below: Path) -> list[str]:
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return [path for link in links if (path := _target(link)).startswith(str(below))]


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def test_runs_are_recorded_in_the_harness_and_nowhere_else(sentinel: Path) -> None:
    with harness() as test:
        assert hello() == "hello"
        assert names() == ["hello"]
        assert (test.home / "legato.db").exists()
    assert not sentinel.exists()
    hello()
    assert sentinel.exists()


def test_nothing_is_left_of_a_harness(sentinel: Path) -> None:
    before = set(threading.enumerate())
    with harness(clock="virtual") as test:
        task(persist_result=True, result_storage_key="five")(lambda: 5)()
        hello()
        get_client(sync_client=True).read_flow_runs()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) <= before
    assert not test.home.exists()
    assert open_files(test.home) == []


def test_an_error_in_the_block_comes_out_and_leaves_nothing_either(sentinel: Path) -> None:
    homes: list[Path] = []
    with pytest.raises(ZeroDivisionError), harness() as test:  # noqa: PT012
        homes.append(test.home)
        flow(name="bad")(lambda: 1 / 0)()
    assert not homes[0].exists()
    assert os.environ["LEGATO_HOME"] == str(sentinel)


def test_harnesses_nest(sentinel: Path) -> None:
    with harness() as outer:
        hello()
        with harness() as inner:
            assert inner.home != outer.home
            assert names() == []
        assert not inner.home.exists()
        assert names() == ["hello"]


def test_a_harness_follows_another_a_hundred_times_without_hoarding(sentinel: Path) -> None:
    with harness():
        hello()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        with harness():
            hello.fn()
    for _ in range(3):
        with harness():
            hello()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_other_threads_and_child_processes_record_in_the_harness(sentinel: Path) -> None:
    with harness():
        thread = threading.Thread(target=hello)
        thread.start()
        thread.join()
        subprocess.run([sys.executable, "-c", CHILD], check=True, cwd=sentinel.parent)
        assert names() == ["child", "hello"]
    assert not sentinel.exists()


def test_a_home_that_temporary_settings_name_is_not_used_either(
    sentinel: Path, tmp_path: Path
) -> None:
    with temporary_settings({LEGATO_HOME: tmp_path / "other"}):
        with harness():
            hello()
        assert LEGATO_HOME.value() == str(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_leads_out_of_the_home_does_not_hold_in_it(
    sentinel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_PROFILE", "production")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("LEGATO_RESULTS_LOCAL_STORAGE_PATH", str(tmp_path / "results"))
    configuration.forget()
    with harness() as test:
        assert LEGATO_API_URL.value() is None
        task(persist_result=True, result_storage_key="five")(lambda: 5)()
        assert list((test.home / "storage").iterdir())
    assert not (tmp_path / "results").exists()
    assert os.environ["LEGATO_PROFILE"] == "production"


def test_settings_of_the_project_hold_in_a_harness(
    sentinel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_FLOWS_DEFAULT_RETRIES", "3")
    with harness():
        assert hello.retries == 3


def test_a_run_that_outlives_its_harness_is_refused_aloud_and_leaves_no_folder(
    sentinel: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    go_on, begun = threading.Event(), threading.Event()

    @flow
    def lingering() -> None:
        begun.set()
        go_on.wait()

    with harness() as test:
        thread = threading.Thread(target=lingering)
        thread.start()
        begun.wait()
    go_on.set()
    thread.join()
    assert "This home was closed when its test ended." in capfd.readouterr().err
    assert not test.home.exists()
    assert not sentinel.exists()


def test_a_clock_that_does_not_exist_is_refused() -> None:
    wrong: Any = "fast"
    with pytest.raises(ValueError, match="clock must be 'real' or 'virtual', not 'fast'"):
        harness(clock=wrong).__enter__()


def test_the_names_of_prefect_lead_to_the_harness(sentinel: Path) -> None:
    assert utilities.prefect_test_harness is prefect_test_harness is harness
    with prefect_test_harness(server_startup_timeout=60) as test:
        assert isinstance(test, Harness)
        assert repr(test) == f"<harness at {str(test.home)!r}>"


def test_the_bare_function_is_recorded_nowhere(sentinel: Path) -> None:
    assert hello.fn() == "hello"
    assert task(hello.fn).fn() == "hello"
    assert not sentinel.exists()


def test_the_most_recent_flow_run_is_the_last_one_of_that_flow() -> None:
    other = flow(name="other")(lambda: 1)
    with harness(clock="virtual") as test:
        with pytest.raises(ObjectNotFound, match="no flow run"):
            asyncio.run(utilities.get_most_recent_flow_run())
        for called in (hello, hello, other):
            called()
            test.clock.advance(1)
        last = asyncio.run(utilities.get_most_recent_flow_run(flow_name="hello"))
        client = get_client(sync_client=True)
        runs = client.read_flow_runs(sort=FlowRunSort.START_TIME_ASC)
        assert last.id == runs[1].id
        with pytest.raises(ObjectNotFound, match="'nobody'"):
            asyncio.run(utilities.get_most_recent_flow_run(flow_name="nobody"))
