"""Log lines belong to the run that is active where they are logged, and are shown once."""

from __future__ import annotations

import builtins
import inspect
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from legato import flow, get_run_logger, task
from legato.exceptions import MissingContextError

if TYPE_CHECKING:
    from pathlib import Path

Rows = list[tuple[Any, ...]]
LINES = "select level, message from log where name = ? order by writer_id, seq"
mine = logging.getLogger("mine")


def test_a_line_of_any_logger_belongs_to_the_run(rows: Callable[..., Rows]) -> None:
    @task
    def inner() -> None:
        mine.info("in the task")

    @flow
    def outer() -> None:
        mine.info("in the flow")
        mine.debug("too low")
        inner()

    outer()
    mine.warning("outside")
    found = rows(
        "select message, flow_run_id is not null, task_run_id is not null from log"
        " where name = 'mine' order by message"
    )
    assert found == [("in the flow", 1, 0), ("in the task", 1, 1)]


def test_a_level_that_is_set_on_a_logger_holds(rows: Callable[..., Rows]) -> None:
    quiet, loud = logging.getLogger("quiet.child"), logging.getLogger("loud")
    logging.getLogger("quiet").setLevel(logging.ERROR)
    loud.setLevel(logging.DEBUG)
    loud.propagate = False

    @flow
    def work() -> None:
        quiet.warning("hushed")
        loud.debug("below the level of the settings")
        loud.info("kept though it does not propagate")

    work()
    assert rows(LINES, "quiet.child") == []
    assert rows(LINES, "loud") == [(20, "kept though it does not propagate")]


def test_loggers_stay_as_they_are(rows: Callable[..., Rows]) -> None:
    untouched = logging.getLogger("untouched")
    root_handlers, root_level = list(logging.root.handlers), logging.root.level

    @flow
    def work() -> list[Any]:
        untouched.info("x")
        return [untouched.level, list(untouched.handlers), logging.root.level]

    assert work() == [logging.NOTSET, [], root_level]
    assert logging.root.handlers == root_handlers
    assert rows(LINES, "untouched") == [(20, "x")]


def test_an_exception_is_kept_with_its_traceback(rows: Callable[..., Rows]) -> None:
    @flow
    def work() -> None:
        try:
            raise KeyError("gone")
        except KeyError:
            mine.exception("failed")

    work()
    ((level, message),) = rows(LINES, "mine")
    assert level == logging.ERROR
    assert message.startswith("failed\nTraceback")
    assert message.endswith("KeyError: 'gone'")


def test_a_handler_that_raises_never_breaks_a_run(
    rows: Callable[..., Rows], capsys: pytest.CaptureFixture[str]
) -> None:
    class Bad(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no disk")

    bad = Bad()
    logging.root.addHandler(bad)

    @flow
    def work() -> int:
        mine.warning("still kept")
        get_run_logger().info("and this")
        return 1

    try:
        assert work() == 1
    finally:
        logging.root.removeHandler(bad)
    assert rows(LINES, "mine") == [(30, "still kept")]
    assert "RuntimeError: no disk" in capsys.readouterr().err


def test_arguments_that_do_not_fit_are_named(rows: Callable[..., Rows]) -> None:
    @flow
    def work() -> None:
        mine.info("%d", "x")

    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        work()
    except TypeError:  # pytest's own handler raises
        pytest.fail("the run broke")
    finally:
        logging.raiseExceptions = before
    ((_, message),) = rows(LINES, "mine")
    assert message.startswith("'%d' [could not be formatted: TypeError")


@pytest.mark.parametrize(("given", "kept"), [("a\0b", "a\ufffdb"), ("\ud800", "\\ud800")])
def test_nul_and_surrogates_are_stored(rows: Callable[..., Rows], given: str, kept: str) -> None:
    @flow
    def work() -> None:
        mine.info(given)

    work()
    assert rows(LINES, "mine") == [(20, kept)]


def test_an_over_long_line_is_cut_with_a_marker(rows: Callable[..., Rows]) -> None:
    @flow
    def work() -> None:
        mine.info("ä" * 600_000)

    work()
    ((_, message),) = rows(LINES, "mine")
    assert message == "ä" * 500_000 + "... [truncated: the line had 1200000 bytes]"


def test_prints_belong_to_the_run_by_context(
    rows: Callable[..., Rows], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @flow(log_prints=True)
    def work() -> None:
        print("a", 1, sep="-")
        with (tmp_path / "file").open("w") as file:
            print("to the file", file=file)
        sys.stdout.write("written\n")
        for target, args in ((print, ("alone",)), (copy_context().run, (print, "copied"))):
            thread = threading.Thread(target=target, args=args)
            thread.start()
            thread.join()

    work()
    assert capsys.readouterr().out == "written\nalone\n"
    assert (tmp_path / "file").read_text() == "to the file\n"
    lines = [message for _, message in rows(LINES, "legato.flow_runs")]
    assert lines[1:-1] == ["a-1", "copied"]


@pytest.mark.parametrize("keeps", ["Python's own", "what was there"])
def test_prints_are_logged_once_where_a_tool_has_put_its_own_in_place(
    rows: Callable[..., Rows],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    keeps: str,
) -> None:
    """As Ray does for its progress bars."""

    @flow(log_prints=True)
    def work(line: str) -> None:
        print(line)

    work("before")
    kept: Any = inspect.unwrap(print) if keeps == "Python's own" else print
    monkeypatch.setattr(builtins, "print", lambda *args, **more: kept(*args, **more))
    work("after")
    print("outside")
    assert capsys.readouterr().out == "outside\n"
    lines = [message for _, message in rows(LINES, "legato.flow_runs")]
    assert [line for line in lines if " " not in line] == ["before", "after"]


def test_print_is_replaced_once_where_tests_replace_it_for_a_while() -> None:
    @flow(log_prints=True)
    def work() -> None:
        print("x")

    for _ in range(5):
        work()
        with patch("builtins.print", lambda *_, **__: None):
            work()
    depth, found = 0, print
    while (found := getattr(found, "__wrapped__", None)) is not None:
        depth += 1
    assert depth <= 3  # the tests before this one may have left some


def test_what_a_call_adds_stands_beside_what_the_run_adds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @flow(name="named")
    def work() -> None:
        get_run_logger(team="red").info("hello", extra={"row": 7})

    with caplog.at_level(logging.INFO):
        work()
    (record,) = [one for one in caplog.records if one.message == "hello"]
    assert (record.row, record.team, record.flow_name) == (7, "red", "named")


def test_handlers_of_the_root_see_what_its_level_lets_pass(rows: Callable[..., Rows]) -> None:
    seen: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    collector = Collector()

    @flow
    def work() -> None:
        mine.info("asked for by the run only")
        mine.warning("above the level of the root")
        mine.handle(mine.makeRecord("mine", 20, "f", 1, "handed over", (), None))

    logging.root.addHandler(collector)
    try:
        work()
    finally:
        logging.root.removeHandler(collector)
    assert logging.root.level == logging.WARNING
    assert seen[1:-1] == ["above the level of the root", "handed over"]
    assert rows(LINES, "mine")[0] == (20, "asked for by the run only")


def test_outside_of_a_run_the_error_says_what_to_do() -> None:
    with pytest.raises(MissingContextError, match=r"get_run_logger\(\) inside one, or use"):
        get_run_logger()


SCRIPT = """
import logging, logging.config, sys
{before}
from legato import flow, get_run_logger
{after}
@flow
def work():
    get_run_logger().info("from the run")
    logging.getLogger("app").warning("from the app")
work()
import sqlite3, os
from legato._backend.current import current
current().journal.flush()
rows = sqlite3.connect(os.environ["LEGATO_HOME"] + "/legato.db").execute("select message from log")
print(sorted(m for m, in rows if m.startswith("from")))
"""
BASIC = "logging.basicConfig(level=logging.INFO)"
LOGURU = """
from loguru import logger
class Intercept(logging.Handler):
    def emit(self, record):
        logger.opt(exception=record.exc_info).log(record.levelname, record.getMessage())
logging.basicConfig(handlers=[Intercept()], level=0, force=True)
"""
STRUCTLOG = """
import structlog
handler = logging.StreamHandler()
handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=structlog.dev.ConsoleRenderer()))
logging.root.addHandler(handler)
logging.root.setLevel(logging.INFO)
"""
UVICORN = "import uvicorn; uvicorn.Config('x:y')"
DISABLING = """
logging.getLogger("legato.flow_runs")
logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), (BASIC, ""), ("", BASIC), ("", LOGURU), ("", STRUCTLOG), (UVICORN, ""),
     ("", DISABLING)],
    ids=["nothing", "before", "after", "loguru", "structlog", "uvicorn", "disabling"],
)  # fmt: skip
def test_every_line_is_shown_and_stored_once(home: Path, before: str, after: str) -> None:
    code = SCRIPT.format(before=before, after=after)
    env = {**os.environ, "LEGATO_HOME": str(home)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "['from the app', 'from the run']"
    assert run.stderr.count("from the app") == 1, run.stderr
    assert run.stderr.count("from the run") == 1, run.stderr
