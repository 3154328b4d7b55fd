"""Why a task run hit or missed, as it is recorded and as the command line tells it."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from legato import flow, task
from legato._cli.main import root
from legato._model.cache_lookups import CacheExplanation
from legato._model.operations.cache_lookups import ExplainCacheLookup
from legato._sdk.cache_lookups import short
from legato._sdk.services import backend
from legato.cache_policies import INPUTS, TASK_SOURCE
from legato.client.orchestration import get_client
from legato.exceptions import HashError
from legato.task_runners import ProcessPoolTaskRunner


@task(cache_policy=INPUTS)
def work(value: Any, other: int = 0) -> Any:
    return [value]


def explanations() -> list[CacheExplanation]:
    """Those of all task runs, in the order in which these were called."""
    with get_client(sync_client=True) as client:
        runs = sorted(client.read_task_runs(), key=lambda run: run.id)
    found = [backend().send(ExplainCacheLookup(task_run_id=run.id)) for run in runs]
    return [each for each in found if each is not None]


def outcomes() -> list[str]:
    return [found.lookup.outcome for found in explanations()]


def told() -> list[str]:
    """What `legato task-run inspect` says of each."""
    said: list[str] = []
    for found in explanations():
        shown = CliRunner().invoke(root, ["task-run", "inspect", str(found.lookup.task_run_id)])
        assert shown.exit_code == 0, shown.output
        said += [line[13:] for line in shown.output.splitlines() if line.startswith("Cache  ")]
    return said


def test_hits_and_misses_say_why(home):
    @flow(flow_run_name="first")
    def job() -> None:
        work(1)
        work(1)
        work(1, 2)

    job()
    first, hit, third = explanations()
    assert [first.lookup.outcome, hit.lookup.outcome, third.lookup.outcome] == [
        "miss", "hit", "miss"
    ]  # fmt: skip
    assert hit.made_by == first.lookup.task_run_id
    assert third.differing == ["inputs.other"]
    assert set(third.lookup.parts) == {"inputs.value", "inputs.other"}
    one, two, three = told()
    assert one == "missed: the first run of this task under a key"
    assert two.startswith(f"hit: result of work-0 ({hit.made_by}) of flow run first, made 20")
    assert three.startswith("missed: what differs from work-1 (")
    assert three.endswith(") of flow run first: inputs.other")


def test_other_code_is_named_though_the_task_has_another_key(home):
    def make(add: int) -> Any:
        code = f"def grow(x):\n    return x + {add}\n"
        names: dict[str, Any] = {}
        exec(code, names)
        return task(cache_policy=INPUTS + TASK_SOURCE)(names["grow"])

    make(1)(1)
    make(2)(2)
    make(2)(1)
    assert [found.differing for found in explanations()] == [
        [], ["inputs.x", "task_source"], ["task_source"]
    ]  # fmt: skip


def test_an_expired_result_is_told(home):
    brief = work.with_options(cache_expiration=timedelta(microseconds=1))
    brief(1)
    brief(1)
    found = explanations()[1]
    assert found.expired_at is not None
    assert "expired 20" in told()[1]
    assert told()[1].startswith(f"missed: the result of work ({found.made_by}) expired")


def test_no_key_refreshed_and_unreadable_are_told(home):
    import threading

    work(1)
    work.with_options(refresh_cache=True)(1)
    with pytest.raises(HashError):
        work(threading.Lock())
    work.with_options(cache_key_fn=lambda context, parameters: None)(1)
    kept = work.with_options(result_storage_key="mine", cache_key_fn=lambda *_: "mine")
    kept(1)
    (home / "storage" / "mine").unlink()
    kept(1)
    assert outcomes() == ["miss", "refreshed", "no key", "no key", "miss", "unreadable"]
    said = told()
    assert said[1].startswith("not looked up: the cache was to be refreshed")
    assert said[2].startswith("no key: The argument value is a _thread.lock")
    assert said[3] == "no key: the cache policy gave none"
    assert said[5].startswith("missed: the result could not be loaded: MissingResult")


def test_a_deleted_maker_is_told(home):
    @flow
    def job() -> None:
        work(1)

    job()
    work(1)
    with get_client(sync_client=True) as client:
        (made,) = client.read_flow_runs()
        client.delete_flow_run(made.id)
    (line,) = told()
    assert line.startswith(
        "hit: result of a run that was deleted, or is recorded elsewhere, made 20"
    )


def test_a_retry_that_finds_what_another_made_is_a_hit(home):
    @task(retries=1, task_run_name="outer", cache_key_fn=lambda *_: "shared")
    def fails(deep: bool = True) -> int:
        if deep:
            fails.with_options(retries=0, task_run_name="inner")(deep=False)
            raise ValueError("the first time")
        return 1

    assert fails(return_state=True).name == "Cached"
    assert sorted(outcomes()) == ["hit", "miss"]


def test_a_worker_process_explains_as_well(home):
    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def job() -> None:
        work.submit(1).wait()
        work.submit(1).wait()

    job()
    assert outcomes() == ["miss", "hit"]


def test_who_keeps_no_result_records_nothing(home):
    @task
    def plain(x: int) -> int:
        return x

    @flow
    def job() -> None:
        plain(1)

    job()
    backend().journal.flush()
    with sqlite3.connect(home / "legato.db") as connection:
        assert connection.execute("SELECT count(*) FROM task_run_cache").fetchone() == (0,)


def test_parts_are_short_and_differ_still():
    hashed = {"a": "0" * 32, "b": "0" * 15 + "1" + "0" * 16, "v": "2.1.0", "c": "x" * 900}
    found = short(hashed)
    assert len(set(found.values())) == 4
    assert found["v"] == "2.1.0"
    assert max(len(part) for part in found.values()) == 16
    assert short({"c": "x" * 899 + "y"}) != short({"c": "x" * 900})
