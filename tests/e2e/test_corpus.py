"""The differential corpus beside the project: what the real Prefect answered, Legato answers.

Cases that need a later part (deployments, events ...) are not in the list; what is different on
purpose stands in docs/compatibility.md.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


def found(area: str, pattern: str) -> list[str]:
    """Return the names of the cases of an area that fit a pattern."""
    return sorted(path.stem for path in (CORPUS / "cases" / area).glob(f"{pattern}.py"))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there is no corpus at {CORPUS.name}/")
@pytest.mark.parametrize("area", CASES)
def test_the_answers_are_those_of_prefect(area: str) -> None:
    cases = [case for pattern in CASES[area] for case in found(area, pattern)]
    only = [f"--only={area}/{case}" for case in cases if f"{area}/{case}" not in DIFFERENT]
    command = [sys.executable, CORPUS / "run.py", "--fw=legato", f"--python={sys.executable}"]
    run = subprocess.run([*command, *only, "--jobs=1"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
