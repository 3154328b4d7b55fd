"""Ctrl-C and SIGTERM while another process holds the database: what was recorded is not lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.processes import Actor, environment
from tests.chaos.verdict import look, problems

SCRIPT = Path(__file__).parent / "scripts" / "interrupted.py"
LIMIT = 5.0  # two seconds are promised; this machine may be busy

# holds what writers wait for, as a process does that was stopped in the middle of a commit
OF_THE_KERNEL = """
import fcntl, sys
file = open(sys.argv[1] + ".lock", "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
OF_SQLITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def actors() -> Iterator[list[Actor]]:
    started: list[Actor] = []
    yield started
    for actor in started:
        actor.close()


def listed(home: Path, noun: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "legato", noun, "ls", "-o", "json"]
    done = subprocess.run(
        command, env=environment(home), check=True, timeout=60, stdout=subprocess.PIPE
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("lock", "number", "code"),
    [(OF_THE_KERNEL, signal.SIGINT, 130), (OF_SQLITE, signal.SIGTERM, 143)],
    ids=["kernel-SIGINT", "sqlite-SIGTERM"],
)
def test_what_cannot_be_stored_in_time_waits_in_the_spool(
    home: Path, actors: list[Actor], lock: str, number: signal.Signals, code: int
) -> None:
    actor = Actor(home, SCRIPT, "held_up")
    actors.append(actor)
    actor.until("recorded")
    holder = Actor(home, lock, home / "legato.db")
    actors.append(holder)
    holder.until("held")
    actor.tell()
    actor.until("ready")
    began = time.monotonic()
    actor.signal(number)
    status = actor.ends()
    took = time.monotonic() - began
    ended = actor.rest().count("ended")
    assert (status, took < LIMIT) == (code, True), actor.errors()
    [spool] = (home / "spool").glob("*.db")
    assert actor.errors().count(f" records wait in {spool}; the next process") == 1
    holder.close()

    [run] = listed(home, "flow-run")
    assert run["state"]["type"] == "CRASHED"
    tasks = listed(home, "task-run")
    done = [task for task in tasks if task["state"]["type"] == "COMPLETED"]
    assert len(done) >= 1 + ended
    assert {task["state"]["type"] for task in tasks} <= {"COMPLETED", "CRASHED"}
    assert not spool.exists()
    assert problems(home) == []
    if ended == 3:  # the run had its end before the process did
        [[message]] = look(home, "select state_message from flow_run")
        assert message.startswith("Execution was aborted by a")
