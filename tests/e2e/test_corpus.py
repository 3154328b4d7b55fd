"""The differential corpus beside the project: what the real Prefect answered, Legato answers.

Cases that need a later part (deployments, events ...) are not in the list; what is different on
purpose stands in docs/compatibility.md. Against a server a few areas run each time, all of them if
CORPUS_SERVER is set.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from legato._store.sql import Sql
from tests.remote.conftest import excused, opened, postgres_url, server

__all__ = ["excused", "postgres_url", "server"]
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
CASES = {
    "states": ["*"],
    "flows": ["*"],
    "tasks": ["*"],
    "runners": ["*"],
    "runtime": ["*"],
    "objects": ["artifact_keys", "artifact_markdown", "artifact_table", "variable_values"],
    "concurrency": ["*"],
    "transactions": ["*"],
    "caching": ["*"],
    "client": ["async_client", "delete_and_missing", "flows_and_filters", "update_flow_run"],
}
DIFFERENT = {"tasks/async_basic"}  # `.result()` on a future of the loop that it would block

OVER_A_SERVER = list(CASES) if os.environ.get("CORPUS_SERVER") else ["states", "objects", "client"]
APART = {"caching"}
"""Areas whose cases would find each other's results in the database of one server."""
NO_CORPUS = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there is no corpus at {CORPUS.name}/")
_PYTHON = """#!/bin/sh
LEGATO_API_URL={url} PYTHONPATH={path}:$PYTHONPATH exec {python} "$@"
"""


def found(area: str, pattern: str) -> list[str]:
    """Return the names of the cases of an area that fit a pattern."""
    return sorted(path.stem for path in (CORPUS / "cases" / area).glob(f"{pattern}.py"))


@NO_CORPUS
@pytest.mark.parametrize("area", CASES)
def test_the_answers_are_those_of_prefect(area: str) -> None:
    compare([f"{area}/{case}" for case in cases(area)], sys.executable)


@NO_CORPUS
@pytest.mark.parametrize("area", OVER_A_SERVER)
def test_they_are_over_a_server(server: Any, tmp_path: Path, area: str) -> None:
    python = tmp_path / "python"
    paths = {"path": os.pathsep.join(sys.path), "python": sys.executable}
    python.write_text(_PYTHON.format(url=server.url, **paths))
    python.chmod(0o700)
    server.start()
    if area not in APART:
        compare([f"{area}/{case}" for case in cases(area)], python)
        return
    for case in cases(area):
        compare([f"{area}/{case}"], python)
        store = opened(server)
        store.run(lambda tx: tx.execute(Sql("DELETE FROM cache_entry")))
        store.close()


def cases(area: str) -> list[str]:
    """Return the names of the cases of an area that are the same."""
    names = [case for pattern in CASES[area] for case in found(area, pattern)]
    return [case for case in names if f"{area}/{case}" not in DIFFERENT]


def compare(names: list[str], python: str | Path) -> None:
    """Run cases in processes of their own, and compare what they print."""
    only = [f"--only={name}" for name in names]
    command = [sys.executable, CORPUS / "run.py", "--fw=legato", f"--python={python}"]
    run = subprocess.run([*command, *only, "--jobs=1"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
