"""`legato flow-run rerun` on files that are mended between two runs."""

import signal
from pathlib import Path

import pytest

SIX = """
import os
import signal
from legato import flow, task
from legato._backend.current import current


def done(name):
    with open("ledger", "a") as ledger:
        ledger.write(f"{name} of {VERSION}\\n")


VERSION = "old"


@task
def extract(day):
    done("extract")
    return [day, day + 1]


@task
def clean(rows):
    done("clean")
    return [row * 10 for row in rows]


@task
def enrich(rows):
    done("enrich")
    return [{"row": row} for row in rows]


@task
def check(rows):
    done("check")
    BROKEN
    return rows


@task
def total(rows):
    done("total")
    return sum(row["row"] for row in rows)


@task
def report(total):
    done("report")
    return f"total {total}"


@flow(flow_run_name="six of {day}")
def six(day: int = 7):
    return report(total(check(enrich(clean(extract(day))))))
"""
FIRST = ["extract", "clean", "enrich"]
LAST = ["check", "total", "report"]


def write(how: str, *changes: tuple[str, str], version: str = "old") -> None:
    text = SIX.replace("BROKEN", how).replace('VERSION = "old"', f'VERSION = "{version}"')
    for old, new in changes:
        text = text.replace(old, new)
    Path("six.py").write_text(text)


def ledger() -> list[str]:
    file = Path("ledger")
    lines = file.read_text().splitlines()
    file.unlink()
    return lines


@pytest.fixture
def runs(legato):
    """Return the flow runs, the newest first."""
    return lambda: legato("flow-run", "ls", "-o", "json").json


def test_what_comes_before_a_task_is_reused_and_the_rest_runs_with_the_new_code(
    home, process, legato, runs
):
    write('raise ValueError("bad rows")')
    assert process("run", "six.py").code == 1
    ledger()
    write("pass", version="new")
    found = process("flow-run", "rerun", "six of 7", "--from", "check", "--print-result")
    assert (found.code, found.out) == (0, '"total 150"\n'), found.err
    assert found.err.splitlines()[:3] == [
        "Rerun of 'six of 7': 3 steps reused, 1 step run again, then what it did not reach",
        "  check-0: it is where to begin",
        "  reused: extract-0, clean-0, enrich-0",
    ]
    assert ledger() == [f"{name} of new" for name in LAST]
    new, old = runs()
    assert new["rerun_of"] == old["id"]
    listed = legato("task-run", "ls", "--flow-run", new["id"], "-o", "json").json
    assert {run["name"]: run["state_name"] for run in listed} == {
        **{f"{name}-0": "Cached" for name in FIRST},
        **{f"{name}-0": "Completed" for name in LAST},
    }
    told = legato("flow-run", "inspect", new["id"]).out
    assert f"Rerun of     {old['id']}" in told


def test_a_run_that_was_killed(home, process, runs):
    write("current().journal.flush()\n    os.kill(os.getpid(), signal.SIGKILL)")
    assert process("run", "six.py").code == -signal.SIGKILL
    ledger()
    write("pass")
    found = process("flow-run", "rerun", runs()[0]["id"])
    assert found.code == 0, found.err
    assert "  check-0: it ended Crashed\n" in found.err
    assert ledger() == [f"{name} of old" for name in LAST]


def test_nothing_runs_if_it_cannot_be_what_was_meant(home, process):
    write('raise ValueError("bad rows")')
    assert process("run", "six.py").code == 1
    ledger()
    for words, told in (
        (("--from", "sweep"), "has no task 'sweep'. It has: extract, clean, enrich, check."),
        (("--param", "month=3"), "has no parameter 'month'. It has: day."),
        (("--all", "--from", "clean"), "exclude each other"),
    ):
        found = process("flow-run", "rerun", "six of 7", *words)
        assert found.code != 0
        assert told in found.err
    write("pass", ("def clean", "def scrub"), ("(clean(", "(scrub("))
    for words in ((), ("--from", "check"), ("--from", "clean")):
        found = process("flow-run", "rerun", "six of 7", *words)
        assert found.code == 1
        assert "The code has no task 'clean' any more" in found.err
        assert "It has: check, enrich, extract, report, scrub, six, total." in found.err
    assert not Path("ledger").exists()
    assert process("flow-run", "rerun", "six of 7", "--from", "extract").code == 0


def test_other_parameters_and_a_plan_that_is_only_printed(home, process):
    write("pass")
    assert process("run", "six.py").code == 0
    ledger()
    found = process("flow-run", "rerun", "six of 7", "--dry-run")
    assert "6 steps reused, 0 steps run again\n" in found.err
    assert not Path("ledger").exists()
    found = process("flow-run", "rerun", "six of 7", "-p", "day=8", "--print-result")
    assert (found.code, found.out) == (0, '"total 170"\n'), found.err
    assert "called with other arguments" in found.err
    assert [line.split()[0] for line in ledger()] == FIRST + LAST
    write("pass", ("day: int = 7", "size: int = 1"), ("extract(day)", "extract(size)"))
    found = process("flow-run", "rerun", "six of 8")
    assert "takes no parameter 'day' any more; it is left out" in found.err


def test_a_task_run_is_marked_as_succeeded(home, process, legato):
    write('raise ValueError("bad rows")')
    assert process("run", "six.py").code == 1
    ledger()
    for value, told in (("rows", "--value 'rows' is not JSON"), ("[1", "--value '[1' is not JSON")):
        found = legato("task-run", "succeed", "check-0", "--value", value)
        assert (found.code, found.out) == (2, "")
        assert told in found.err
    value = '[{"row": 5}, {"row": 6}]'
    found = legato("task-run", "succeed", "check-0", "--value", value, "--reason", "looked at")
    assert found.code == 0, found.err
    assert "Marked the task run 'check-0' as succeeded" in found.err
    assert ": looked at" in legato("task-run", "inspect", "check-0").out
    found = process("flow-run", "rerun", "six of 7", "--print-result")
    assert (found.code, found.out) == (0, '"total 11"\n'), found.err
    assert ledger() == ["total of old", "report of old"]
    found = legato("task-run", "succeed", "clean-0", "--value", "null")
    assert found.code != 0
