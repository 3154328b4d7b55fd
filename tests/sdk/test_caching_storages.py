"""Caches in storages that the options name: shared by all who have the storage."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from legato import flow, task
from legato._sdk import cache_places
from legato.cache_policies import INPUTS
from legato.exceptions import ConfigurationError
from legato.results import ResultStore
from legato.transactions import transaction

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from legato import flow, task
from legato.cache_policies import INPUTS
policy = INPUTS.configure(key_storage=sys.argv[2]) if len(sys.argv) > 2 else INPUTS
@task(cache_policy=policy, result_storage=sys.argv[1])
def work(value):
    return [value, "new"]
@flow(persist_result=False)
def job():
    state = work(7, return_state=True)
    print(state.name, state.result())
job()
"""

calls: list[Any] = []


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


def names(*values: Any, **options: Any) -> list[str]:
    """Call a task in one flow; return the names of the final states."""

    @task(**{"cache_key_fn": lambda _, parameters: f"key-{parameters['value']}", **options})
    def work(value: Any) -> Any:
        calls.append(value)
        return [value]

    @flow(persist_result=False)
    def job() -> list[str]:
        return [work(value, return_state=True).name for value in values]

    return job()


def in_another_home(tmp_path: Path, *storages: Path) -> list[str]:
    """Call the task in a process with a database of its own, twice."""
    return [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, storages)],
            env={**os.environ, "LEGATO_HOME": str(tmp_path / home)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for home in ("one", "two")
    ]


def test_a_named_storage_shares_its_results_between_databases(tmp_path):
    said = in_another_home(tmp_path, tmp_path / "results")
    assert said == ["Completed [7, 'new']", "Cached [7, 'new']"]


def test_a_key_storage_shares_them_too(tmp_path):
    said = in_another_home(tmp_path, tmp_path / "results", tmp_path / "keys")
    assert said == ["Completed [7, 'new']", "Cached [7, 'new']"]
    (record,) = (tmp_path / "keys").iterdir()
    assert b'"storage_key"' in record.read_bytes()


def test_the_address_is_the_key_and_a_result_store_reads_it(tmp_path):
    assert names(1, result_storage=tmp_path) == ["Completed"]
    assert ResultStore(result_storage=tmp_path).read("key-1").result == [1]
    ResultStore(result_storage=tmp_path).write([2, 2], key="key-2")
    assert names(2, 1, result_storage=tmp_path) == ["Cached", "Cached"]


@pytest.mark.parametrize("key", ["../out", "/etc/x", "a/", "x" * 300, "a//b", "", "\ud800"])
def test_a_key_that_is_no_name_becomes_its_hash(key, tmp_path):
    options = {"cache_key_fn": lambda *_: key, "result_storage": tmp_path / "results"}
    assert names(1, 1, **options) == ["Completed", "Cached"]
    (found,) = (tmp_path / "results").iterdir()
    assert found.name == cache_places.address(key) != key


def test_each_hit_in_a_storage_is_a_copy_of_its_own(tmp_path):
    @task(cache_policy=INPUTS, result_storage=tmp_path)
    def work() -> list[int]:
        return [1]

    @flow(persist_result=False)
    def job() -> None:
        work().append(2)
        work().append(3)
        assert work() == [1]

    job()


def test_what_is_changed_gone_or_expired_is_made_again_and_said(tmp_path, caplog):
    caplog.set_level("INFO")
    options: dict[str, Any] = {"result_storage": tmp_path}
    assert names(1, **options) == ["Completed"]
    path = tmp_path / "key-1"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert names(1, 1, **options) == ["Completed", "Cached"]
    assert "was changed after it was written" in caplog.text
    path.unlink()
    assert names(1, **options) == ["Completed"]
    assert names(2, **options, cache_expiration=timedelta(microseconds=1)) == ["Completed"]
    assert names(2, 2, **options) == ["Completed", "Cached"]
    assert "the result there has expired" in caplog.text


def test_a_record_whose_result_is_gone_is_a_miss(tmp_path, caplog):
    options: dict[str, Any] = {"result_storage": tmp_path / "results"}
    options["cache_policy"] = INPUTS.configure(key_storage=tmp_path / "keys")
    options["cache_key_fn"] = None
    assert names(1, 1, **options) == ["Completed", "Cached"]
    for path in (tmp_path / "results").iterdir():
        path.unlink()
    assert names(1, 1, **options) == ["Completed", "Cached"]
    assert "not taken from the cache" in caplog.text


def test_a_key_storage_finds_results_under_keys_of_their_own(tmp_path):
    options: dict[str, Any] = {"result_storage_key": "mine-{parameters[value]}"}
    options["cache_policy"] = INPUTS.configure(key_storage=tmp_path / "keys")
    options["cache_key_fn"] = None
    assert names(1, 1, result_storage=tmp_path / "results", **options) == ["Completed", "Cached"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["mine-1"]


def test_what_is_rolled_back_is_not_found_in_a_storage(tmp_path):
    @task(cache_key_fn=lambda *_: "key", result_storage=tmp_path)
    def work() -> int:
        return 1

    @flow(persist_result=False)
    def job(fails: bool) -> str:
        with transaction():
            name = work(return_state=True).name
            if fails:
                raise ValueError("roll back")
        return name

    job(True, return_state=True)
    assert not (tmp_path / "key").exists()
    assert job(False) == "Completed"
    assert job(False) == "Cached"


def test_a_result_that_was_replaced_is_missing_and_says_so(tmp_path):
    from legato.client.orchestration import get_client
    from legato.exceptions import MissingResult

    assert names(1, result_storage=tmp_path) == ["Completed"]
    ResultStore(result_storage=tmp_path).write(["another"], key="key-1")
    with get_client(sync_client=True) as client:
        (run,) = client.read_task_runs()
        with pytest.raises(MissingResult, match="a later one was stored in its place"):
            run.state.result()


def test_a_storage_that_cannot_be_read_costs_the_hit_only(tmp_path, caplog):
    (tmp_path / "results").write_text("a file where a folder is to be")
    assert names(1, result_storage=tmp_path / "results") == ["Failed"]
    assert "work-0 is not taken from the cache: StorageError" in caplog.text
    assert calls == [1]


def test_what_is_no_storage_is_refused_at_the_decorator():
    with pytest.raises(ConfigurationError, match="key_storage is 7"):
        task(cache_policy=INPUTS.configure(key_storage=7))(lambda: 1)


@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_a_task_without_a_storage_has_that_of_the_flow_around(runner, tmp_path):
    from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

    pool: Any = ThreadPoolTaskRunner() if runner == "threads" else ProcessPoolTaskRunner(1)

    @task(cache_key_fn=lambda *_: "key")
    def work() -> list[int]:
        return [1]

    @flow(task_runner=pool, result_storage=tmp_path, result_serializer="json")
    def job() -> str:
        return work.submit(return_state=True).name

    assert [job(), job()] == ["Completed", "Cached"]
    assert (tmp_path / "key").read_bytes().endswith(b"\n[1]")


def test_a_key_of_one_run_is_looked_up_in_the_database(tmp_path):
    @task(result_storage=tmp_path / "results")
    def work(value: int) -> int:
        return value

    @flow(persist_result=False)
    def job() -> list[str]:
        return [work(7, return_state=True).name for _ in range(2)]

    assert [job(), job()] == [["Completed", "Cached"]] * 2
    assert len(list((tmp_path / "results").iterdir())) == 2
