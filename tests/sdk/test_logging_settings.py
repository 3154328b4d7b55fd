"""What the levels of loggers, of the root and of the settings decide, and where lines are shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from legato import flow, get_run_logger
from legato._settings.current import temporary

if TYPE_CHECKING:
    import pytest

Rows = Callable[..., list[tuple[Any, ...]]]
KEPT = "select message from log where name = ? order by writer_id, seq"


class Collector(logging.Handler):
    """Keeps what it is to show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.shown.append(record.getMessage())


@contextmanager
def root(*handlers: logging.Handler) -> Iterator[None]:
    """Let the root have these handlers only; pytest's own come back."""
    before = logging.root.handlers
    logging.root.handlers = list(handlers)
    try:
        yield
    finally:
        logging.root.handlers = before


@contextmanager
def logger(name: str, level: int = 0, propagate: bool = True) -> Iterator[logging.Logger]:
    log = logging.getLogger(name)
    log.setLevel(level)
    log.propagate = propagate
    yield log
    log.setLevel(logging.NOTSET)
    log.propagate = True


@flow
def all_levels(log: Any) -> None:
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(f"<{name}>")


def shown_in(text: str) -> list[str]:
    return [line[line.index("<") :] for line in text.splitlines() if "<" in line]


def test_lines_below_the_level_are_neither_shown_nor_kept(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"LOGGING_LEVEL": "ERROR"}
    with root(), temporary(error), logger("levels.loud", logging.DEBUG) as log:
        all_levels(log)
    assert shown_in(capsys.readouterr().err) == ["<error>"]
    assert rows(KEPT, "levels.loud") == [("<error>",)]


def test_the_level_of_the_settings_holds_for_all_loggers_alike(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    @flow
    def own() -> None:
        all_levels.fn(get_run_logger())

    every = ["<debug>", "<info>", "<warning>", "<error>"]
    debug = {"LOGGING_LEVEL": "DEBUG"}
    with root(), temporary(debug), logger("levels.other") as log:
        all_levels(log)
        own()
    assert shown_in(capsys.readouterr().err) == 2 * every
    with root(), temporary({"LOGGING_LEVEL": "WARNING"}):
        own()
    assert shown_in(capsys.readouterr().err) == every[2:]
    with root():
        own()
    assert shown_in(capsys.readouterr().err) == every[1:]
    found = rows("select message from log where message like '<%' order by writer_id, seq")
    assert [message for (message,) in found] == every + every + every[2:] + every[1:]


def test_the_root_shows_what_its_own_level_lets_pass(rows: Rows) -> None:
    seen = Collector()
    with root(seen), logger("levels.app") as log:
        all_levels(log)
    assert [line for line in seen.shown if "<" in line] == ["<warning>", "<error>"]
    assert rows(KEPT, "levels.app") == [("<info>",), ("<warning>",), ("<error>",)]


def test_extra_loggers_have_the_level_of_the_settings(rows: Rows) -> None:
    seen, extra = Collector(), {"LOGGING_EXTRA_LOGGERS": "levels.extra,levels.quiet"}
    with (
        root(seen),
        logger("levels.quiet", logging.ERROR) as quiet,
        logger("levels.extra") as log,
        temporary(extra),
    ):
        all_levels(log)
        assert log.level == logging.INFO
        all_levels(quiet)
        assert quiet.level == logging.ERROR
    shown = [line for line in seen.shown if "<" in line]
    assert shown == ["<info>", "<warning>", "<error>", "<error>"]
    assert rows(KEPT, "levels.quiet") == [("<error>",)]


def test_the_last_resort_is_kept_for_loggers_that_keep_their_lines_from_the_root(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    with root(Collector()), logger("levels.alone", propagate=False) as log:
        log.warning("<outside>")
        all_levels(log)
    assert capsys.readouterr().err.split() == ["<outside>", "<warning>", "<error>"]
    assert rows(KEPT, "levels.alone") == [("<info>",), ("<warning>",), ("<error>",)]


def test_the_console_shows_each_line_of_such_a_logger_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with root(), logger("levels.alone", propagate=False) as log:
        all_levels(log)
    assert shown_in(capsys.readouterr().err) == ["<info>", "<warning>", "<error>"]


def test_lines_are_shown_although_they_are_not_recorded(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    unrecorded = {"LOGGING_TO_API_ENABLED": "false"}
    with root(), temporary(unrecorded), logger("levels.shown") as log:
        all_levels(log)
    assert shown_in(capsys.readouterr().err) == ["<info>", "<warning>", "<error>"]
    assert rows("select * from log") == []


def test_a_disabled_level_is_disabled_in_runs_too(rows: Rows) -> None:
    with logger("levels.disabled") as log:
        logging.disable(logging.WARNING)
        try:
            all_levels(log)
        finally:
            logging.disable(logging.NOTSET)
    assert rows(KEPT, "levels.disabled") == [("<error>",)]


def test_filters_of_the_user_decide(rows: Rows) -> None:
    def no_errors(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    seen = Collector()
    with root(seen), logger("levels.filtered") as log:
        log.addFilter(no_errors)
        all_levels(log)
        log.removeFilter(no_errors)
    assert rows(KEPT, "levels.filtered") == [("<info>",), ("<warning>",)]
    assert "<error>" not in seen.shown
