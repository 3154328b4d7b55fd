"""The example that compares models: one table for one seed, and what is recorded of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn (requirements/examples.txt)")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "compare_models.py"
MODELS = 9


@pytest.mark.timeout(300)
def test_a_second_run_prints_the_same_table(tmp_path: Path) -> None:
    processes = [_start(tmp_path, EXAMPLE) for _ in range(2)]
    first, second = [_finish(process) for process in processes]
    assert first == second
    lines = first.splitlines()
    assert lines[0].split() == ["model", "parameters", "accuracy", "spread"]
    accuracies = [float(line.split()[-2]) for line in lines[1:-1]]
    assert len(accuracies) == MODELS
    assert accuracies == sorted(accuracies, reverse=True)
    best, parameters = re.split(r"\s{2,}", lines[1])[:2]
    assert lines[-1].startswith(f"{best}({parameters}) on the test set: 0.9")

    runs = _legato(tmp_path, "task-run", "ls", "--limit", "100", "-o", "json")
    assert {run["state_type"] for run in runs} == {"COMPLETED"}
    scores = [run for run in runs if run["name"].startswith("score ")]
    assert len(scores) == 2 * MODELS
    assert len({run["name"] for run in scores}) == MODELS
    kept = _legato(tmp_path, "artifact", "inspect", "digits-models", "-o", "json")
    assert [row["accuracy"] for row in json.loads(kept[0]["data"])] == accuracies


def _legato(home: Path, *words: str) -> Any:
    return json.loads(_finish(_start(home, "-m", "legato", *words)))


def _start(home: Path, *words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "LEGATO_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )


def _finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate()
    assert process.returncode == 0
    return out
