"""Programs by chance, played with Prefect and with Legato: the same calls, states and records.

They run only where a Python is named that has Prefect 3.8.8:

    LEGATO_TEST_PREFECT=venv/bin/python python -m pytest tests/sdk/beside

LEGATO_TEST_WALKS=300 plays more of them, LEGATO_TEST_SEED=N begins with that one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.prefect_server import prefect_server

PREFECT = os.environ.get("LEGATO_TEST_PREFECT")
PLAY = str(Path(__file__).with_name("play.py"))
FIRST = int(os.environ.get("LEGATO_TEST_SEED", "0"))
LAST = FIRST + int(os.environ.get("LEGATO_TEST_WALKS", "60"))


def played(python, name, **settings):
    """Return what came to pass in each program."""
    command = [python, "-W", "ignore", PLAY, name, str(FIRST), str(LAST)]
    done = subprocess.run(
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]


@pytest.mark.timeout(900)
@pytest.mark.skipif(PREFECT is None, reason="LEGATO_TEST_PREFECT names no Python with Prefect")
def test_programs_come_to_the_same(tmp_path):
    theirs, ours = tmp_path / "prefect", tmp_path / "legato"
    theirs.mkdir()
    with prefect_server(PREFECT, theirs) as url:
        expected = played(PREFECT, "prefect", PREFECT_HOME=str(theirs), PREFECT_API_URL=url)
    found = played(sys.executable, "legato", LEGATO_HOME=str(ours))
    assert len(expected) == len(found) == LAST - FIRST
    differ = [FIRST + at for at, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b]
    for seed in differ[:1]:
        assert found[seed - FIRST] == expected[seed - FIRST], f"program {seed}; all: {differ}"
