"""The example on real data, and what a second process sees of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="the example needs duckdb (requirements/examples.txt)")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights_etl.py"
TASKS = 1 + 16 + 16 + 1 + 1


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Run the example once; return its home, its folder and what it printed."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("flights")
    run = subprocess.run(
        [sys.executable, EXAMPLE, folder],
        env={**os.environ, "LEGATO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return home, folder, run.stdout


@pytest.mark.timeout(300)
def test_the_report_and_the_database_agree(ran: tuple[Path, Path, str]) -> None:
    import duckdb

    _, folder, report = ran
    assert report.splitlines()[:3] == [
        "336,776 rows",
        "16 carriers",
        "8,255 flights without a departure time",
    ]
    with duckdb.connect(str(folder / "flights.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select count(*), count(distinct carrier), count(*) filter (dep_time is null)"
            " from flights"
        ).fetchone()
    assert found == (336_776, 16, 8_255)


def test_a_second_process_sees_every_task_run(ran: tuple[Path, Path, str]) -> None:
    home, _, _ = ran
    listed = _legato(home, "task-run", "ls", "--limit", "100", "-o", "json")
    assert len(listed) == TASKS
    assert {run["state_type"] for run in listed} == {"COMPLETED"}
    loads = [run for run in listed if run["name"].startswith("load-")]
    assert len({tuple(run["tags"]) for run in loads}) == 16
    for run in loads:
        made_by = {one["input_type"] for one in run["task_inputs"]["rows"]}
        assert made_by == {"task_run"}


def test_every_task_run_has_its_three_states(ran: tuple[Path, Path, str]) -> None:
    home, _, _ = ran
    connection = sqlite3.connect(home / "legato.db")
    try:
        rows = connection.execute(
            "select group_concat(name, ' ') from"
            " (select task_run_id, name from task_run_state order by task_run_id, version)"
            " group by task_run_id"
        ).fetchall()
    finally:
        connection.close()
    assert rows == [("Pending Running Completed",)] * TASKS


def _legato(home: Path, *words: str) -> Any:
    run = subprocess.run(
        [sys.executable, "-m", "legato", *words],
        env={**os.environ, "LEGATO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)
