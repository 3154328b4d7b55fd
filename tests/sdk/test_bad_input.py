"""What cannot be recorded: said once and clearly, and the program goes on."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from legato import flow, get_run_logger, task
from tests.chaos.processes import Actor
from tests.chaos.verdict import count, look, problems

SCRIPT = Path(__file__).parent / "scripts" / "unrecorded.py"
NOT_RECORDED = 3
Start = Callable[..., Actor]
Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[Actor] = []

    def begin(*args: object, **env: str | None) -> Actor:
        script, *rest = args
        root = Path(env.pop("home", None) or home)
        started.append(Actor(root, script, *rest, **env))
        return started[-1]

    yield begin
    for actor in started:
        actor.close()


class SmallDisk:
    """A file system of its own, mounted at `path`."""

    def __init__(self, path: Path, kib: int) -> None:
        self.path = path
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs")

    def change(self, options: str) -> None:
        self._mount("-o", f"remount,{options}")

    def _mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self.path)], check=True, capture_output=True)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 1.5 MiB; needs root."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system of its own can be mounted by root only")
    try:
        small = SmallDisk(tmp_path / "disk", 1500)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.decode().strip()}")
    yield small
    small.close()


@pytest.fixture
def unseen() -> Iterator[None]:
    """Keep lines from pytest, whose workers cannot send lone surrogates to one another."""
    handlers = list(logging.root.handlers)
    for handler in handlers:
        handler.addFilter(_nothing)
    yield
    for handler in handlers:
        handler.removeFilter(_nothing)


def _nothing(_: logging.LogRecord) -> bool:
    return False


def said(actor: Actor) -> list[str]:
    """Return the lines in which Legato speaks of itself."""
    return [line for line in actor.errors().splitlines() if line.startswith("legato: ")]


def test_a_full_disk_does_not_stop_a_plain_run(start: Start, disk: SmallDisk) -> None:
    """One loud line, an exit status that says so, and a database that is sound afterwards."""
    actor = start(SCRIPT, 8000, home=str(disk.path))
    assert "done" in actor.rest()
    assert actor.ends() == NOT_RECORDED
    loud, last = said(actor)
    assert loud == (
        f"legato: runs are not recorded in {disk.path}/legato.db: "
        f"There is no room left for {disk.path}/legato.db. The program goes on."
    )
    assert re.fullmatch(r"legato: \d+ records could not be stored\.", last)
    assert problems(disk.path) == []
    recorded = count(disk.path, "select count(*) from task_run")
    assert 0 < recorded < 8000
    disk.change("size=20m")
    again = start(SCRIPT, 10, home=str(disk.path))
    assert again.ends() == 0, again.errors()
    assert said(again) == []
    assert problems(disk.path) == []
    assert sorted(look(disk.path, "select state_type from flow_run")) == [
        ("COMPLETED",),
        ("CRASHED",),
    ]


def test_a_disk_that_has_room_again_gets_what_was_kept(start: Start, disk: SmallDisk) -> None:
    """What the process could not store is held in memory, and stored once that is possible."""
    filler = disk.path / "filler"
    actor = start(SCRIPT, 600, "waits", home=str(disk.path))
    actor.until("half")
    fill(filler)
    flood = start(SCRIPT, 2000, home=str(disk.path))  # what room is left inside the files
    assert flood.ends() == NOT_RECORDED, flood.errors()
    actor.tell()
    actor.until("worked")
    assert "There is no room left" in said(actor)[0]
    filler.unlink()
    disk.change("size=20m")
    actor.tell()
    assert "done" in actor.rest()
    assert actor.ends() == 0, actor.errors()
    assert said(actor)[1:] == [
        f"legato: runs are recorded in {disk.path}/legato.db again; nothing was lost."
    ]
    assert problems(disk.path) == []
    [(run,)] = look(disk.path, "select id from flow_run where state_type = 'COMPLETED'")
    query = "select count(*) from task_run where flow_run_id = ? and state_type = 'COMPLETED'"
    assert count(disk.path, query, run) == 600


def fill(path: Path) -> None:
    """Write until there is no room; others may be writing too."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(path.parent).free == 0


def test_a_limit_on_file_sizes_is_like_a_full_disk(start: Start, home: Path) -> None:
    actor = start(SCRIPT, 4000, LIMIT_FILE_SIZE=str(600 * 1024))
    assert "done" in actor.rest()
    assert actor.ends() == NOT_RECORDED  # the spool reaches the same limit
    loud, *_, last = said(actor)
    assert loud.startswith(f"legato: runs are not recorded in {home}/legato.db: ")
    assert loud.endswith(". The program goes on.")
    assert last.endswith(" records could not be stored.")
    assert problems(home) == []
    assert start(SCRIPT, 10).ends() == 0
    assert problems(home) == []


def test_a_home_that_turns_read_only_does_not_stop_a_run(start: Start, disk: SmallDisk) -> None:
    disk.change("size=20m")
    copy = disk.path / "home"
    copy.mkdir()
    actor = start(SCRIPT, 20, home=str(copy))
    assert actor.ends() == 0, actor.errors()
    before = digest(copy)
    disk.change("ro")
    actor = start(SCRIPT, 20, home=str(copy), TMPDIR=str(disk.path.parent))
    assert "done" in actor.rest()
    assert actor.ends() == 0, actor.errors()
    [line] = said(actor)
    assert str(copy) in line
    assert "everything is recorded in" in line
    assert digest(copy) == before
    [place] = re.findall(r"recorded in (\S+)\. Set", line)
    assert count(Path(place), "select count(*) from task_run") == 20


def test_a_home_that_nobody_can_make_is_replaced(start: Start, tmp_path: Path) -> None:
    """Also where root ignores permissions: the place of the folder is taken by a file."""
    taken = tmp_path / "taken"
    taken.write_text("not a folder")
    actor = start(SCRIPT, 3, home=str(taken), TMPDIR=str(tmp_path))
    assert actor.ends() == 0, actor.errors()
    assert len(said(actor)) == 1
    assert taken.read_text() == "not a folder"


def digest(folder: Path) -> dict[str, str]:
    """Return a hash of every file."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def newer(start: Start, home: Path) -> Path:
    """A home whose database was made by a newer version."""
    assert start(SCRIPT, 3).ends() == 0
    with closing(sqlite3.connect(home / "legato.db")) as connection:
        connection.execute("pragma user_version = 99")
        connection.execute("pragma wal_checkpoint(truncate)")
    return home / "legato.db"


def test_a_database_of_a_newer_version_is_refused_and_untouched(
    start: Start, home: Path, newer: Path
) -> None:
    before = newer.read_bytes()
    actor = start(SCRIPT, 5)
    assert "done" in actor.rest()
    assert actor.ends() == 0
    loud, last = said(actor)
    assert str(home / "spool") in last
    for part in (str(newer), "newer version of Legato", "schema 99", "LEGATO_HOME"):
        assert part in loud
    assert newer.read_bytes() == before
    with closing(sqlite3.connect(newer)) as connection:
        assert connection.execute("select count(*) from flow_run").fetchall() == [(1,)]


def test_something_else_in_the_place_of_the_database_is_left_alone(
    start: Start, home: Path
) -> None:
    text = b"This is not a database. " * 1000
    (home / "legato.db").write_bytes(text)
    actor = start(SCRIPT, 5)
    assert "done" in actor.rest()
    assert actor.ends() == 0
    assert "not a sound database" in said(actor)[0]
    assert "records wait in" in said(actor)[1]
    assert (home / "legato.db").read_bytes() == text


def test_log_lines_of_every_kind_are_stored(rows: Rows, unseen: None) -> None:
    """NUL becomes U+FFFD and a mark, lone surrogates are escaped, a long line is cut."""

    @flow
    def talks() -> None:
        logger = get_run_logger()
        logger.info("nul \0 here")
        logger.info("surrogate \ud800 here")
        logger.info("m" * 2**20)
        logger.info("emoji \U0001f3b5 and \u00fcml\u00e4ut")

    talks()
    lines = rows("select message, damaged from log where name like '%.flow_runs' order by seq")
    texts = [text for text, _ in lines]
    assert ("nul \ufffd here", 1) in lines
    assert "surrogate \\ud800 here" in texts
    assert "emoji \U0001f3b5 and \u00fcml\u00e4ut" in texts
    [long] = [text for text in texts if text.startswith("mmm")]
    assert len(long) == 2**20 or long.endswith("[truncated: the line had 1048576 bytes]")
    assert rows("select count(*) from quarantine") == [(0,)]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("nan"), '"nan"'),
        (float("-inf"), '"-inf"'),
        ([1.5, {"deep": float("inf")}], '[1.5,{"deep":"inf"}]'),
        ("a\0b", '"a\ufffdb"'),
        ("lone \ud800", '"lone \\\\ud800"'),
        ("x" * 2**20, '"<str of 1,048,578 bytes: too large to record>"'),
        (2**70, "1180591620717411303424"),
        (object, '"<type>"'),
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "replace").decode(),
)
def test_parameters_of_every_kind_are_stored(
    rows: Rows, unseen: None, value: Any, stored: str
) -> None:
    """The function gets what was given; the record holds what JSON can say."""
    given = []

    @flow
    def takes(value: Any) -> None:
        given.append(value)
        step(value)

    @task
    def step(value: Any) -> None:
        given.append(value)

    takes(value)
    assert all(item is value for item in given)
    assert len(given) == 2
    assert rows("select parameters from flow_run") == [(f'{{"value":{stored}}}',)]
    assert rows("select state_type from task_run") == [("COMPLETED",)]
    assert rows("select count(*) from quarantine") == [(0,)]


def test_a_cycle_and_a_deep_nest_are_named_by_their_type(rows: Rows) -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    @flow
    def takes(cycle: Any, deep: Any) -> int:
        return len(cycle) + len(deep)

    assert takes(cycle, deep) == 2
    assert rows("select parameters from flow_run") == [('{"cycle":"<list>","deep":"<list>"}',)]


def test_messages_of_exceptions_are_stored_whatever_they_hold(rows: Rows, unseen: None) -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise ValueError("no")

    @task
    def fails(error: Exception) -> None:
        raise error

    for error in (ValueError("a\0b"), ValueError("lone \ud800"), ValueError("y" * 2**20), Rude()):
        assert fails(error, return_state=True).name == "Failed"
    messages = [text for (text,) in rows("select state_message from task_run order by created_at")]
    assert messages[0].endswith("a\ufffdb")
    assert messages[1].endswith("lone \\ud800")
    assert "y" * 1000 in messages[2]
    assert messages[3].endswith("<ValueError in __str__>")
    assert rows("select count(*) from quarantine") == [(0,)]


def test_names_and_tags_of_every_kind_are_stored(rows: Rows, unseen: None) -> None:
    from legato import tags

    @flow(flow_run_name="nul \0 and \ud800")
    def named() -> None:
        step()

    @task(task_run_name="t\0")
    def step() -> None:
        pass

    with tags("nul \0", "lone \ud800"):
        named()
    assert rows("select name, state_type from flow_run") == [
        ("nul \ufffd and \\ud800", "COMPLETED")
    ]
    assert rows("select name, state_type from task_run") == [("t\ufffd", "COMPLETED")]
    assert sorted(rows("select tag from flow_run_tag")) == [("lone \\ud800",), ("nul \ufffd",)]
    assert rows("select count(*) from quarantine") == [(0,)]


SETTINGS = """
import legato
from legato import flow
print("imported", flush=True)

@flow
def whole():
    print("ran", flush=True)

print("defined", flush=True)
whole()
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEGATO_TASKS_DEFAULT_RETRIES", "many"),
        ("LEGATO_LOGGING_LEVEL", "LOUD"),
        ("LEGATO_DEBUG", "perhaps"),
    ],
)
def test_a_bad_setting_is_reported_at_the_first_use(start: Start, name: str, value: str) -> None:
    actor = start(SETTINGS, **{name: value})
    lines = actor.rest()
    assert lines[:2] == ["imported", "defined"]
    assert "ran" not in lines
    assert actor.ends() == 1
    last = actor.errors().strip().splitlines()[-1]
    for part in (name, value, "environment"):
        assert part in last


def test_an_unknown_setting_is_named_with_its_nearest(start: Start) -> None:
    actor = start(SETTINGS, LEGATO_TASKS_DEFAULT_RETRYS="3")
    assert actor.rest() == ["imported", "defined", "ran"]
    assert actor.ends() == 0
    [line] = said(actor)
    assert "did you mean LEGATO_TASKS_DEFAULT_RETRIES?" in line
