"""Files written for Prefect run after changing the import, and print what they print there.

Each `.out` file holds what Prefect 3.8.8 printed. To prove them again, name a Python that has it:

    LEGATO_TEST_PREFECT=venv/bin/python python -m pytest tests/compat/test_tutorials.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parent / "tutorials").glob("*.py"))
PREFECT = os.environ.get("LEGATO_TEST_PREFECT")


def test_there_are_ten_tutorials() -> None:
    assert len(TUTORIALS) == 10


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_it_prints_the_same_after_changing_the_import(tutorial: Path, tmp_path: Path) -> None:
    text, changed = re.subn(
        r"^(from|import) prefect\b", r"\1 legato", tutorial.read_text("utf-8"), flags=re.MULTILINE
    )
    assert changed
    script = tmp_path / tutorial.name
    script.write_text(text, "utf-8")
    printed = _run(sys.executable, script, {"LEGATO_HOME": str(tmp_path / "home")})
    assert printed == tutorial.with_suffix(".out").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("tutorial", TUTORIALS if PREFECT else [], ids=lambda path: path.stem)
def test_prefect_prints_this(tutorial: Path, tmp_path: Path) -> None:
    assert PREFECT is not None
    settings = {
        "PREFECT_HOME": str(tmp_path),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
    printed = _run(PREFECT, tutorial, settings)
    assert printed == tutorial.with_suffix(".out").read_text("utf-8")


def _run(python: str, script: Path, settings: dict[str, str]) -> str:
    run = subprocess.run(
        [python, script],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
