"""Other tools that log, print and capture: each works as without us, and no line comes twice."""

from __future__ import annotations

import inspect
import io
import json
import logging
import logging.handlers
import os
import queue
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import loguru
import rich.console
import structlog
import tqdm

from legato import flow, get_run_logger

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    import pytest

Rows = Callable[..., list[tuple[Any, ...]]]
KEPT = "select message from log where name = ? order by writer_id, seq"
log = logging.getLogger("company")


@flow
def talk() -> None:
    log.info("an info")
    log.warning("a warning")


def test_caplog_sees_what_its_level_lets_pass(rows: Rows, caplog: pytest.LogCaptureFixture) -> None:
    talk()
    assert [line for line in caplog.messages if line.startswith("a")] == ["a warning"]
    caplog.clear()
    caplog.set_level(logging.INFO)
    talk()
    assert [line for line in caplog.messages if line.startswith("a")] == ["an info", "a warning"]
    assert rows(KEPT, "company") == 2 * [("an info",), ("a warning",)]


def test_what_writes_to_streams_is_untouched(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    @flow(log_prints=True)
    def work() -> None:
        for _ in tqdm.tqdm(range(2), desc="a bar", file=sys.stderr):
            tqdm.tqdm.write("by tqdm")
        rich.console.Console(file=sys.stdout).print("by [bold]rich[/bold]")
        structlog.PrintLogger(sys.stderr).msg("by structlog")
        print("to stderr", file=sys.stderr)
        print("a print")

    work()
    out, err = capsys.readouterr()
    assert out.replace("\r", "").split("\n") == ["by tqdm", "by tqdm", "by rich", ""]
    assert "a bar: 100%" in err
    assert "by structlog\n" in err
    assert "to stderr\n" in err
    found = [message for (message,) in rows(KEPT, "legato.flow_runs")]
    assert found[1:-1] == ["a print"]


def test_structlog_over_the_standard_library_belongs_to_the_run(rows: Rows) -> None:
    structured: Any = structlog.wrap_logger(
        log,
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.processors.JSONRenderer(sort_keys=True)],
    )

    @flow
    def work() -> None:
        structured.bind(user=7).info("moved", by=2)
        structured.debug("too low")

    work()
    ((message,),) = rows(KEPT, "company")
    assert json.loads(message) == {"by": 2, "event": "moved", "user": 7}


def test_a_queue_of_records_is_shown_and_kept_once(rows: Rows) -> None:
    stream = io.StringIO()
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, logging.StreamHandler(stream))
    handler = logging.handlers.QueueHandler(records)
    logging.root.addHandler(handler)
    listener.start()
    try:
        talk()
    finally:
        logging.root.removeHandler(handler)
        listener.stop()
    assert stream.getvalue().count("a warning") == 1
    assert rows(KEPT, "company") == [("an info",), ("a warning",)]


def test_captured_warnings_belong_to_the_run(rows: Rows) -> None:
    @flow
    def work() -> None:
        warnings.warn("old way", UserWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        try:
            work()
        finally:
            logging.captureWarnings(capture=False)
    ((message,),) = rows(KEPT, "py.warnings")
    assert "UserWarning: old way" in message


def test_a_logger_class_of_the_user_is_asked_first(rows: Rows) -> None:
    class Picky(logging.Logger):
        def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the base's name
            return level != logging.INFO and super().isEnabledFor(level)

    picky = Picky("company.picky")
    picky.parent = logging.root

    @flow
    def work() -> None:
        picky.info("no infos")
        picky.warning("this one")

    work()
    assert rows(KEPT, "company.picky") == [("this one",)]


def test_the_place_of_a_line_is_the_users(caplog: pytest.LogCaptureFixture) -> None:
    def outer_helper(level: int) -> None:
        get_run_logger().warning("here", stacklevel=level)

    @flow
    def work() -> None:
        log.warning("here")
        get_run_logger().warning("here")
        get_run_logger().log(logging.WARNING, "here")
        outer_helper(2)

    work()
    found = [record for record in caplog.records if record.message == "here"]
    assert [(one.filename, one.funcName) for one in found] == 4 * [
        ("test_logging_company.py", "work")
    ]


def test_loguru_finds_the_users_line(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    class Intercept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            frame, depth = inspect.currentframe(), 0
            while (frame is not None and depth < 2) or is_logging(frame):
                frame, depth = frame.f_back if frame is not None else None, depth + 1
            loguru.logger.opt(depth=depth).log(record.levelname, record.getMessage())

    def is_logging(frame: FrameType | None) -> bool:
        return frame is not None and frame.f_code.co_filename == logging.__file__

    places: list[tuple[str, str]] = []

    def sink(message: Any) -> None:
        places.append((message.record["message"], message.record["function"]))

    @flow
    def work() -> None:
        log.warning("of a logger")
        get_run_logger().warning("of the run's")

    monkeypatch.setattr(logging.root, "handlers", [Intercept()])
    number = loguru.logger.add(sink, level="WARNING")
    try:
        work()
    finally:
        loguru.logger.remove(number)
    assert places == [("of a logger", "work"), ("of the run's", "work")]


def test_another_tool_may_replace_the_same_method(
    rows: Rows, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk()  # so that ours stands there first
    ours, seen = logging.Logger.callHandlers, list[str]()

    def theirs(self: logging.Logger, record: logging.LogRecord) -> None:
        seen.append(record.getMessage())
        ours(self, record)

    monkeypatch.setattr(logging.Logger, "callHandlers", theirs)
    caplog.clear()
    talk()
    assert [line for line in seen if line.startswith("a")] == ["an info", "a warning"]
    assert [line for line in caplog.messages if line.startswith("a")] == ["a warning"]
    assert rows(KEPT, "company") == 2 * [("an info",), ("a warning",)]


SCRIPT = """
import atexit, json, logging, logging.config, os, sqlite3, sys
from legato import flow, get_run_logger

app = logging.getLogger("app")
app.info("outside: not shown")
app.warning("outside: last resort")

@flow
def configures(what):
    log = get_run_logger()
    log.info(f"{what.__name__} 1")
    what()
    log.info(f"{what.__name__} 2")
    app.warning(f"{what.__name__} 3")

def basic():
    logging.basicConfig(format="BASIC %(message)s", level=logging.INFO)

def dictionary():
    logging.config.dictConfig({
        "version": 1,
        "formatters": {"f": {"format": "DICT %(message)s"}},
        "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
        "root": {"level": "INFO", "handlers": ["h"]},
        "loggers": {"app": {}},
    })

def legatos():
    logging.config.dictConfig({
        "version": 1,
        "formatters": {"f": {"format": "OURS %(message)s"}},
        "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
        "loggers": {"app": {}, "legato": {"handlers": ["h"], "propagate": False}},
    })

@flow
def late():
    get_run_logger().info("at exit")

def ends():
    app.warning("after all runs")
    late()
    from legato._backend.current import current
    current().journal.flush()
    found = sqlite3.connect(os.environ["LEGATO_HOME"] + "/legato.db").execute(
        "select message from log where message like '% _' or message like 'a%' order by seq"
    )
    print(json.dumps([message for message, in found]))

atexit.register(ends)
configures(basic)
configures(dictionary)
configures(legatos)
"""


def test_a_flow_that_configures_logging_loses_no_line(home: Path) -> None:
    env = {**os.environ, "LEGATO_HOME": str(home)}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True
    )
    lines = [line.split(" - ")[-1] for line in run.stderr.splitlines()]
    shown = [line for line in lines if "Beginning" not in line and "Finished" not in line]
    assert shown == [
        "outside: last resort",
        "basic 1", "BASIC basic 2", "BASIC basic 3",
        "BASIC dictionary 1", "DICT dictionary 2", "DICT dictionary 3",
        "DICT legatos 1", "OURS legatos 2", "DICT legatos 3",
        "DICT after all runs",
        "OURS at exit",
    ], run.stderr  # fmt: skip
    every = [f"{kind} {n}" for kind in ("basic", "dictionary", "legatos") for n in (1, 2, 3)]
    assert json.loads(run.stdout) == [*every, "at exit"]
