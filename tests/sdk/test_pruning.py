"""What nothing needs any more goes, with its object; the user's own objects stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from legato import flow, task
from legato._backend import pruning
from legato._sdk.services import backend
from legato._store import results
from legato._store.sql import Sql
from legato.cache_policies import INPUTS
from legato.client.orchestration import get_client

LARGE = 100_000


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "GRACE", timedelta(0))


@task(cache_policy=INPUTS)
def large(number: int) -> bytes:
    return bytes([number]) * LARGE


@flow
def job(number: int, **options: Any) -> str:
    state = large.with_options(**options)(number, return_state=True)
    return f"{state.name} {state.state_details.task_run_id.hex}"


def objects(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def run_ids() -> list[UUID]:
    with get_client(sync_client=True) as client:
        return [run.id for run in client.read_flow_runs()]


def delete(*ids: UUID) -> None:
    with get_client(sync_client=True) as client:
        for run_id in ids:
            client.delete_flow_run(run_id)


def prune() -> None:
    """Prune until nothing is left to be done."""
    here: Any = backend()
    here.journal.flush()
    while not pruning.prune(here.store, here.home, here.clock.now())[1]:
        pass


def rows(table: str) -> int:
    here: Any = backend()
    found = here.store.read(lambda tx: tx.select(Sql(f"SELECT count(*) FROM {table}")))
    count: int = found[0][0]
    return count


def test_an_expired_result_goes_with_its_object_once_no_run_names_it(home):
    job(1, cache_expiration=timedelta(microseconds=1))
    assert job(2).startswith("Completed ")
    assert job(2).startswith("Cached ")
    first, *others = reversed(run_ids())
    prune()
    assert rows("cache_entry") == 1
    assert len(objects(home / "storage")) == 2
    delete(first)
    prune()
    assert len(objects(home / "storage")) == 1
    delete(*others)
    prune()
    assert rows("result") == 1  # its entry stands: the next takes it
    assert job(2).startswith("Cached ")


def test_a_refreshed_result_takes_the_place_of_the_old_one(home):
    old, new = job(1), job(1, refresh_cache=True)
    delete(*run_ids())
    prune()
    assert objects(home / "storage") == [new.split()[1]]
    assert old != new
    assert job(1).startswith("Cached ")


def test_objects_of_a_deleted_run_go_and_those_with_names_of_the_user_s_stay(home, tmp_path):
    @flow(persist_result=True)
    def keeps() -> bytes:
        job(1, result_storage_key="named")
        job(2, result_storage=tmp_path / "mine")
        give.submit().wait()
        return b"x" * LARGE

    @task(persist_result=True)
    def give() -> bytes:
        return b"y" * LARGE

    keeps()
    assert len(objects(home / "storage")) == 3
    here: Any = backend()
    here.store.run(lambda tx: tx.execute(Sql("DELETE FROM cache_entry")))
    delete(*run_ids()[-1:])
    prune()
    assert rows("result") == 0
    assert objects(home / "storage") == ["named"]
    assert len(objects(tmp_path / "mine")) == 1


def test_who_dies_after_removing_an_object_leaves_a_row_that_is_found_again(home, monkeypatch):
    @flow(persist_result=True)
    def keeps() -> bytes:
        return b"x" * LARGE

    keeps()
    delete(*run_ids())
    (name,) = objects(home / "storage")
    (home / "storage" / name).unlink()
    assert rows("result") == 1
    prune()
    assert rows("result") == 0


def outdate(mark: Path) -> None:
    """As if the home had not been pruned for an hour."""
    long_ago = time.time() - 3700
    os.utime(mark, (long_ago, long_ago))


def test_a_process_that_records_prunes_a_home_that_was_not_for_an_hour(home, monkeypatch):
    here: Any = backend()
    asked: list[Any] = []
    monkeypatch.setattr(here.journal, "spare", asked.append)
    job(1, cache_expiration=timedelta(microseconds=1))
    mark = Path(here.home.pruned)
    asked.clear()
    here._prune_at = 0.0
    job(2)
    assert here.prune not in asked
    outdate(mark)
    here._prune_at = 0.0
    job(3)
    assert asked.count(here.prune) == 1
    assert rows("cache_entry") == 3
    here.prune()
    assert rows("cache_entry") == 2
    assert time.time() - mark.stat().st_mtime < 600


def test_a_short_program_prunes_when_it_ends(home):
    from legato._store.results import GRACE

    job(1, cache_expiration=timedelta(microseconds=1))
    here: Any = backend()
    here.journal.flush()
    outdate(Path(here.home.pruned))
    code = f"""
from datetime import timedelta
from legato import flow
from legato._store import results
results.GRACE = timedelta(seconds={GRACE.total_seconds()})
flow(lambda: None, name="short")()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert rows("cache_entry") == 0


def test_what_is_left_after_the_time_is_over_is_soon_pruned(home, monkeypatch):
    from legato._control import results as control

    monkeypatch.setattr(control.prune, "__defaults__", (1,))
    for number in range(3):
        job(number, cache_expiration=timedelta(microseconds=1))
    here: Any = backend()
    here.journal.flush()
    outdate(Path(here.home.pruned))
    done = pruning.prune(here.store, here.home, here.clock.now(), budget_seconds=-1)
    assert done == (1, False)
    assert time.time() - Path(here.home.pruned).stat().st_mtime > 3600
    prune()
    assert rows("cache_entry") == 0


@pytest.mark.parametrize("number", [1, LARGE])
def test_what_is_cached_within_a_run_goes_with_the_run(number, home):
    @task(persist_result=True)  # the policy is DEFAULT, of which RUN_ID is a part
    def make(number: int) -> bytes:
        return b"x" * number

    @flow
    def run() -> list[str]:
        states = [make(number, return_state=True) for _ in range(2)]
        return [state.name for state in states]

    assert run() == ["Completed", "Cached"]
    (made,) = run_ids()
    delete(made)
    prune()
    assert (rows("result"), rows("cache_entry")) == (0, 0)
    assert not [name for folder in home.glob("storage") for name in objects(folder)]
