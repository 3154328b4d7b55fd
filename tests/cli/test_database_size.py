"""`legato db size` and `legato db prune`, on a home and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from legato import flow, get_run_logger, task
from legato._backend.current import embedded
from legato._store.postgres import PostgresStore
from tests.store.conftest import empty, postgres_url
from tests.store.records import COMPLETED, Sender, line, move, now, whole_task

__all__ = ["postgres_url"]

OLD = timedelta(days=100)


@pytest.fixture
def old_and_new(home, legato):
    """A home with three flow runs, two of which ended 100 days ago."""
    body = task(lambda: 1)

    @flow
    def etl():
        return body()

    for _ in range(3):
        etl()
    ago = int((datetime.now(UTC) - OLD).timestamp() * 1_000_000)
    with sqlite3.connect(home / "legato.db") as database:
        oldest = "(SELECT id FROM flow_run ORDER BY end_at LIMIT 2)"
        database.execute(f"UPDATE flow_run SET end_at = ? WHERE id IN {oldest}", (ago,))
    database.close()
    return home


def kinds(found):
    return {each["kind"]: each for each in found}


def test_size_tells_of_each_kind_and_table(old_and_new, legato):
    size = legato("db", "size", "-o", "json").json
    assert size["bytes"] >= (old_and_new / "legato.db").stat().st_size
    found = kinds(size["kinds"])
    assert (found["flow-runs"]["rows"], found["task-runs"]["rows"]) == (3, 3)
    assert found["flow-runs"]["oldest"].startswith(f"{datetime.now(UTC):%Y-}")
    assert found["flow-runs"]["bytes"] == sum(t["bytes"] for t in found["flow-runs"]["tables"]) > 0
    assert {"lease", "meta", "timer"} < {table["table"] for table in found["other"]["tables"]}
    told = legato("server", "database", "size", "--tables")
    assert "legato.db: " in told.err
    assert "task_run_state" in told.out


def test_what_is_old_goes_and_a_dry_run_only_counts(old_and_new, legato):
    told = kinds(legato("db", "prune", "--dry-run", "-o", "json").json)
    assert (told["flow-runs"]["count"], told["flow-runs"]["dry_run"]) == (2, True)
    done = legato("db", "prune", "--yes")
    assert done.code == 0
    assert "flow-runs: what is older than 90 d 00 h" in done.err
    size = kinds(legato("db", "size", "-o", "json").json["kinds"])
    assert (size["flow-runs"]["rows"], size["task-runs"]["rows"]) == (1, 1)
    again = legato("db", "prune", "--kind", "flow-runs", "--older-than", "0s", "-y", "-o", "json")
    assert [each["count"] for each in again.json] == [1]


def test_the_file_gets_smaller_by_what_went(home, legato):
    @flow
    def talkative():
        for _ in range(400):
            get_run_logger().info("word " * 200)

    talkative()
    before = legato("db", "size", "-o", "json").json
    done = legato("db", "prune", "--kind", "flow-runs", "--older-than", "0s", "-y")
    assert " KiB are given back to the file system." in done.err
    after = legato("db", "size", "-o", "json").json
    assert after["free_bytes"] == 0
    embedded().close(10)
    assert (home / "legato.db").stat().st_size < before["bytes"] - 400 * 1000
    assert "given back" not in legato("db", "prune", "--older-than", "0s", "-y", "--dry-run").err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kind", "flow-run", "-y"], "did you mean flow-runs"),
        (["--older-than", "soon"], "'soon' is no age: write a whole number and s, m, h, d or w"),
        (["--older-than", "999999999w"], "is no age"),
        ([], "--yes deletes without asking"),
        (["--url", "mysql://x/y", "-y"], "'mysql://x/y'"),
    ],
)
def test_what_cannot_be_meant_deletes_nothing(old_and_new, process, arguments, says):
    refused = process("db", "prune", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert says in refused.err.replace("\n", " ")


def test_what_is_kept_for_ever_goes_only_when_an_age_is_given(old_and_new, legato, monkeypatch):
    monkeypatch.setenv("LEGATO_SERVER_KEEP_FLOW_RUNS_DAYS", "0")
    configuration_forget()
    refused = legato("db", "prune", "--kind", "flow-runs", "--dry-run")
    assert refused.code == 2
    assert "kept for ever" in refused.err
    found = legato(
        "db", "prune", "--kind", "flow-runs", "--dry-run", "--older-than", "99d", "-o", "json"
    )
    assert [each["count"] for each in found.json] == [2]


def configuration_forget():
    from legato._settings import current

    current.forget()


@pytest.mark.parametrize("command", ["size", "prune"])
def test_a_home_without_a_database_has_nothing_to_tell_of(home, legato, command):
    done = legato("db", command)
    assert (done.code, done.out) == (0, "")
    assert "no database yet" in done.err


@pytest.mark.postgres
def test_postgresql_is_measured_and_pruned_too(home, legato, postgres_url):
    empty(postgres_url)
    store = PostgresStore(postgres_url)
    sender = Sender(store)
    run_id = sender.start()
    sender.send(*whole_task(run_id)[1], line("word", flow_run_id=run_id))
    sender.send(move(run_id, COMPLETED))
    store.close()
    size = kinds(legato("db", "size", "--url", postgres_url, "-o", "json").json["kinds"])
    rows = [size[kind]["rows"] for kind in ("flow-runs", "task-runs", "logs")]
    assert rows == [1, 1, 1]
    assert size["logs"]["oldest"][:10] == f"{now():%Y-%m-%d}"
    done = legato("db", "prune", "--url", postgres_url, "--older-than", "0s", "-y", "-o", "json")
    assert kinds(done.json)["flow-runs"]["count"] == 1
    size = kinds(legato("db", "size", "--url", postgres_url, "-o", "json").json["kinds"])
    assert size["flow-runs"]["rows"] == 0
