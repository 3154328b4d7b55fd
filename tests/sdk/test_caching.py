"""Cached results: a call whose key was seen takes the result that is there."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from legato import flow, task
from legato._model.errors import StoreError
from legato._sdk.services import backend
from legato.cache_policies import INPUTS
from legato.client.orchestration import get_client
from legato.exceptions import HashError
from legato.transactions import transaction

calls: list[Any] = []


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@task(cache_policy=INPUTS, persist_result=True)
def work(value: Any) -> Any:
    calls.append(value)
    return [value]


def names(*values: Any, **options: Any) -> list[str]:
    """Call the task in one flow; return the names of the final states."""

    @flow
    def job() -> list[str]:
        chosen = work.with_options(**options) if options else work
        return [chosen(value, return_state=True).name for value in values]

    return job()


def test_a_second_call_in_the_same_and_in_another_run_takes_the_result():
    assert names(1, 1, 2) == ["Completed", "Cached", "Completed"]
    assert names(1, 2) == ["Cached", "Cached"]
    assert calls == [1, 2]


def test_another_process_takes_the_result(home):
    program = """
from legato import flow, task
from legato.cache_policies import INPUTS
@task(cache_policy=INPUTS, persist_result=True)
def work(value):
    print("called")
    return [value]
@flow
def job():
    return work(7, return_state=True).name
print(job())
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["called", "Completed"], ["Cached"]]


def test_each_hit_is_a_copy_of_its_own():
    @flow
    def job() -> Any:
        work(1).append("changed")
        return work(1)

    assert job() == [1]
    assert calls == [1]


def test_an_expired_result_is_not_taken():
    assert names(1, cache_expiration=timedelta(microseconds=1)) == ["Completed"]
    assert names(1) == ["Completed"]
    assert names(1) == ["Cached"]


def test_an_input_without_content_is_an_error_of_the_call():
    import threading

    @flow
    def job() -> None:
        work(threading.Lock())

    with pytest.raises(HashError, match="value"):
        job()
    assert calls == []


def test_a_result_outlives_the_run_that_made_it():
    names(1)
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs():
            client.delete_flow_run(run.id)
    assert names(1) == ["Cached"]


def test_what_was_rolled_back_is_not_taken():
    @flow
    def job() -> None:
        with transaction():
            work(1)
            raise ValueError("roll back")

    job(return_state=True)
    assert names(1) == ["Completed"]


def test_a_result_that_is_gone_is_made_again(home, caplog):
    assert names(1, result_storage_key="mine-{parameters[value]}") == ["Completed"]
    (home / "storage" / "mine-1").unlink()
    assert names(1) == ["Completed"]
    assert "not taken from the cache" in caplog.text


def test_a_hit_has_nothing_written_first(monkeypatch):
    flushes: list[str] = []

    @flow
    def job() -> list[Any]:
        journal = backend().journal
        work(1), work(1)
        monkeypatch.setattr(journal, "flush", lambda acked=False: flushes.append("flush"))
        found = [work(1) for _ in range(20)]
        monkeypatch.undo()
        return found

    assert job() == [[1]] * 20
    assert flushes == []


def test_a_task_in_a_worker_process_takes_the_result():
    from legato.task_runners import ProcessPoolTaskRunner

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def job() -> list[tuple[Any, str]]:
        states = [work.submit(value, return_state=True) for value in (1, 1)]
        return [(state.result(), state.name) for state in states]

    assert job() == [([1], "Completed"), ([1], "Cached")]


def test_what_another_process_has_replaced_is_seen_at_once(home):
    refresh = """
from legato import task
from legato.cache_policies import INPUTS
@task(cache_policy=INPUTS, refresh_cache=True)
def work(value):
    return [value, "newer"]
work(1)
"""

    @flow
    def job() -> list[Any]:
        found = [work(1), work(1)]
        subprocess.run([sys.executable, "-c", refresh], check=True, capture_output=True)
        return [*found, work(1)]

    assert job() == [[1], [1], [1, "newer"]]


def test_a_database_that_cannot_be_read_costs_the_hit_only(monkeypatch, caplog):
    def fails(cache_key: str) -> None:
        raise StoreError("the disk is gone")

    names(1)
    monkeypatch.setattr(backend(), "find_cached", fails)
    assert names(1) == ["Completed"]
    assert "work-0 is not taken from the cache: StoreError: the disk is gone" in caplog.text
