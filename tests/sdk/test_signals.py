"""Ctrl-C and SIGTERM: how a process that runs flows ends."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from legato._sdk import platform_posix
from legato._sdk.watch import Watch
from tests.chaos.processes import Actor
from tests.chaos.scale import scale, seeded
from tests.chaos.verdict import count, look, problems

SCRIPT = Path(__file__).parent / "scripts" / "interrupted.py"
LIMIT = 2.0
FEEDERS = 4
INT = (signal.SIGINT, 130, "Execution was aborted by an interrupt signal.")
TERM = (signal.SIGTERM, 143, "Execution was aborted by a termination signal.")
Case = tuple[signal.Signals, int, str]
Start = Callable[..., Actor]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[Actor] = []

    def begin(*args: object) -> Actor:
        started.append(Actor(home, SCRIPT, *args, PYTHONUNBUFFERED=None))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()


def end(actor: Actor, number: int) -> tuple[int, float]:
    """Send a signal; return the exit status and the seconds that the end took."""
    began = time.monotonic()
    actor.signal(number)
    return actor.ends(), time.monotonic() - began


NAMES = (
    "blocked", "deep", "joining", "pool", "pool_of_tasks", "retrying", "loop", "stubborn",
    "elsewhere", "submitted", "settling", "ending",
    "processes", "talking", "together",
)  # fmt: skip
SILENT = ("joining", "pool", "pool_of_tasks", "submitted", "settling")


@pytest.mark.parametrize("case", [INT, TERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_flow_ends_crashed_and_in_time(
    home: Path, start: Start, name: str, case: Case
) -> None:
    """The exit status is exact, nothing is left open and all is committed."""
    number, code, message = case
    actor = start(name)
    actor.until("ready")
    status, took = end(actor, number)
    assert status == code, actor.errors()
    assert took < LIMIT, actor.errors()
    assert problems(home) == []
    assert count(home, "select count(*) from flow_run where end_at is null") == 0
    assert count(home, "select count(*) from task_run where end_at is null") == 0
    assert count(home, "select count(*) from attempt where closed_at is null") == 0
    runs = set(look(home, "select state_type, state_message from flow_run"))
    assert runs == {("CRASHED", message)}
    tasks = set(look(home, "select state_type, state_message from task_run"))
    assert tasks <= {("CRASHED", message), ("COMPLETED", None)}
    if name == "pool_of_tasks":
        assert tasks == {("CRASHED", message)}
    assert "Traceback" in actor.errors() or name in SILENT


@pytest.mark.parametrize("case", [INT, TERM], ids=["SIGINT", "SIGTERM"])
def test_no_task_starts_after_the_signal(home: Path, start: Start, case: Case) -> None:
    """Also in threads that work for a subflow: they get the signal as an exception.

    Each of them may have been about to start one when the main thread heard of it.
    """
    number, code, _ = case
    actor = start("feeding")
    actor.until("ready")
    status, took = end(actor, number)
    assert status == code, actor.errors()
    assert took < LIMIT
    assert problems(home) == []
    heard_at = int(actor.line())
    query = "select count(*) from task_run_state where type = 'RUNNING' and at > ?"
    assert count(home, "select count(*) from task_run") > 10
    assert count(home, query, heard_at) <= FEEDERS
    assert count(home, "select count(*) from task_run where end_at is null") == 0


@pytest.mark.parametrize("case", [INT, TERM], ids=["SIGINT", "SIGTERM"])
def test_a_second_signal_ends_it_at_once(home: Path, start: Start, case: Case) -> None:
    """Cleaning up is left alone after the first signal."""
    number, code, _ = case
    actor = start("cleaning")
    actor.until("ready")
    actor.signal(number)
    actor.until("cleaning")
    status, took = end(actor, number)
    assert (status, took < 1.0) == (code, True), actor.errors()
    assert problems(home) == []


@pytest.mark.parametrize("case", [INT, TERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("name", ["printing", "cleaning_aloud"])
def test_a_print_that_nobody_reads_does_not_hold_it_up(
    home: Path, start: Start, name: str, case: Case
) -> None:
    """A pager that waits, or a log that is full; two of the signals come in a print itself."""
    number, code, message = case
    actor = start(name, int(number))
    assert actor.ends() == code, actor.errors()
    assert problems(home) == []
    runs = look(home, "select state_type, state_message from flow_run")
    if name == "printing":
        assert runs == [("CRASHED", message)]


def test_a_handler_of_the_user_stays(home: Path, start: Start) -> None:
    actor = start("own-handler")
    actor.until("ready")
    status, took = end(actor, signal.SIGTERM)
    assert (status, took < LIMIT) == (7, True), actor.errors()
    assert actor.line() == "mine"
    runs = look(home, "select state_message from flow_run")
    assert runs == [("Execution was aborted by Python system exit call.",)]


def test_a_signal_at_any_moment_finds_us_ready(home: Path, start: Start) -> None:
    """The exception may come up in the middle of a commit; nothing may be lost or hang."""
    chance = seeded("signals")
    for _ in range(max(4, scale("KILLS") // 2)):
        number, code, message = chance.choice([INT, TERM])
        actor = start("working")
        actor.until("ready")
        actor.lives_for(chance.uniform(0.0, 0.1))
        status, took = end(actor, number)
        assert status == code, actor.errors()
        assert took < LIMIT, actor.errors()
        assert problems(home) == []
        assert count(home, "select count(*) from flow_run where end_at is null") == 0
        assert count(home, "select count(*) from task_run where end_at is null") == 0
        query = "select count(*) from flow_run where state_message = ?"
        assert count(home, query, message) >= 1
        assert "could not be stored" not in actor.errors()


def test_a_nudge_that_was_missed_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread sees none that comes in the very moment in which a wait begins."""
    sent: list[int] = []
    monkeypatch.setattr(platform_posix, "signal_main_thread", sent.append)
    watch = Watch()
    watch.handlers = platform_posix.Handlers(None, None)
    for _ in range(5):
        watch.nudge(signal.SIGINT)
    assert sent == [signal.SIGINT]
    for _ in range(50):
        watch.nudge(signal.SIGINT)
    assert len(sent) > 1
    assert watch.nudged


TERMINATES_ITSELF = """
import os, signal, time
from legato import flow, task

@task
def step(n):
    return n

{before}
for n in range(6):
    step(n)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


@pytest.mark.parametrize("before", ["", "flow(lambda: step(0), name='f')()"])
def test_sigterm_outside_of_flows_keeps_what_tasks_recorded(tmp_path, before):
    """Without the stand-in handler the last few milliseconds of records would be lost."""
    script = TERMINATES_ITSELF.format(before=before)
    environment = {**os.environ, "LEGATO_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert run.returncode == -signal.SIGTERM
    connection = sqlite3.connect(tmp_path / "legato.db")
    try:
        query = "select count(*), min(state_type) from task_run where flow_run_id is null"
        found = connection.execute(query).fetchone()
    finally:
        connection.close()
    assert found == (6, "COMPLETED")
