"""Tracebacks show the user's frames; debuggers stop in the user's line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from legato import flow, task
from tests.chaos.processes import ROOT, Actor

SCRIPT = Path(__file__).parent / "scripts" / "failing.py"
SOURCE = str(ROOT / "src")
Start = Callable[..., Actor]
Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[Actor] = []

    def begin(*args: object, **env: str | None) -> Actor:
        script, *rest = args
        started.append(Actor(home, script, *rest, **env))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()


def frames(text: str) -> list[str]:
    """Return file and function of each frame in a printed traceback."""
    found = re.findall(r'File "([^"]+)", line \d+, in (\S+)', text)
    return [f"{'ours' if '/legato/' in path else Path(path).name}:{name}" for path, name in found]


USERS = [
    "failing.py:<module>",
    "failing.py:top",
    "failing.py:middle",
    "failing.py:lowest",
    "failing.py:broken",
]


def test_an_uncaught_exception_shows_the_users_frames_only(start: Start) -> None:
    actor = start(SCRIPT)
    assert actor.ends() == 1
    text = actor.errors()
    assert frames(text) == USERS
    assert text.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "return marker / 0  # the user's line" in text


def test_legato_debug_shows_all(start: Start) -> None:
    actor = start(SCRIPT, LEGATO_DEBUG="1")
    assert actor.ends() == 1
    found = frames(actor.errors())
    assert "ours:drive" in found
    assert [frame for frame in found if not frame.startswith("ours")] == USERS


def test_the_cause_of_another_exception_is_cut_too(start: Start) -> None:
    actor = start(SCRIPT, "chained")
    assert actor.ends() == 1
    assert frames(actor.errors()) == [*USERS, "failing.py:<module>"]


def test_a_logged_traceback_too(start: Start, rows: Rows) -> None:
    """On the console and in the database."""
    actor = start(SCRIPT, "logged")
    assert actor.ends() == 0, actor.errors()
    expected = ["failing.py:logging", *USERS[2:]]
    assert frames(actor.errors()) == expected
    [(message,)] = rows("select message from log where message like 'it failed%'")
    assert frames(message) == expected


def test_pdb_stops_in_the_users_line(start: Start) -> None:
    actor = start("-m", "pdb", SCRIPT)
    for command in ("continue", "p marker", "p n + 41", "up", "list", "q", "q"):
        actor.tell(command)
    lines = "\n".join(actor.rest())
    assert "Entering post mortem debugging" in lines
    after = lines.partition("post mortem")[2]
    assert re.search(r"> \S*failing\.py\(\d+\)broken\(\)\n-> return marker / 0", after)
    assert "(Pdb) 1\n" in after
    assert "(Pdb) 42\n" in after


def test_pytest_pdb_stops_in_the_users_line(start: Start, tmp_path: Path) -> None:
    code = "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
    plain = ("-p", "no:cacheprovider", "-p", "no:xdist", "-c", "/dev/null", "--pdb", "-q")
    actor = start(code, *plain, "--rootdir", tmp_path, "--import-mode=importlib", SCRIPT)
    for command in ("p marker", "p n + 41", "q"):
        actor.tell(command)
    lines = "\n".join(actor.rest())
    assert re.search(r"> \S*failing\.py\(\d+\)broken\(\)\n-> return marker / 0", lines), lines
    assert "(Pdb) 1\n" in lines
    assert "(Pdb) 42\n" in lines
    # what pytest itself prints: our frames have __tracebackhide__
    report = lines.partition("FAILURES")[2].partition("Entering PDB")[0] or lines
    assert "_sdk/drive.py" not in report
    assert "_sdk/flow.py" not in report


@pytest.mark.parametrize("what", ["handled", "kept", "timed_out", "retried_async"])
def test_an_exception_keeps_no_object_of_the_user_alive(start: Start, what: str) -> None:
    """Neither contexts, nor states, nor the journal hold what a failed run had."""
    actor = start(SCRIPT.with_name("keeping.py"), what)
    assert actor.ends() == 0, actor.errors()


def test_async_tracebacks_are_cut_too(start: Start) -> None:
    actor = start(ASYNC)
    assert actor.ends() == 1
    found = [f for f in frames(actor.errors()) if f.startswith(("ours", "<string>"))]
    assert found == ["<string>:<module>", "<string>:whole", "<string>:broken"]


ASYNC = """
import asyncio
from legato import flow, task

@task
async def broken():
    raise ValueError

@flow
async def whole():
    await broken()

asyncio.run(whole())
"""


def test_a_result_awaited_later_keeps_its_traceback() -> None:
    @task
    async def broken() -> None:
        raise ValueError("first")

    @flow
    async def whole() -> Any:
        return await asyncio.gather(broken(), broken(), return_exceptions=True)

    found = asyncio.run(whole(return_state=True)).data
    errors = found if isinstance(found, list) else [found]
    assert all(isinstance(error, ValueError) and error.__traceback__ for error in errors)
