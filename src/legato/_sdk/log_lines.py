"""A log record as a line that is kept under its run."""

from __future__ import annotations

import logging
from typing import Any

from legato._model.logs import LogCreate
from legato._model.records import Logged
from legato._sdk import tracebacks
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext
from legato._settings.table import Settings

_UNREADABLE = "{!r:.1000} [could not be formatted: {}: {}]"
_TRUNCATED = "... [truncated: the line had {} bytes]"
_WIDEST = 4  # bytes of a character in UTF-8


def keep(run: RunContext, record: logging.LogRecord, given: Settings) -> None:
    """Write a log record of a run to the journal; an over-long line is cut, with a marker."""
    if not given.logging_to_api_enabled:
        return
    flow: RunContext | None = run
    task_run_id = None
    if isinstance(run, TaskRunContext):
        flow, task_run_id = run.flow_run_context, run.id
    if isinstance(flow, FlowRunContext):
        home = flow.backend
    else:  # a task alone, or a run that is not active here
        from legato._sdk.services import backend

        home = backend()
    message, limit = text(record), given.logging_to_api_max_log_size
    line = LogCreate(
        name=record.name,
        level=record.levelno,
        message=message if len(message) * _WIDEST <= limit else _cut(message, limit),
        timestamp=home.clock.now(),
        flow_run_id=flow.id if flow is not None else None,
        task_run_id=task_run_id,
    )
    home.journal.append(Logged(line))


def _cut(message: str, limit: int) -> str:
    """Return the message, or its first `limit` bytes and a marker."""
    data = message.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return message
    return data[:limit].decode("utf-8", "ignore") + _TRUNCATED.format(len(data))


_plain = logging.Formatter()


def text(record: logging.LogRecord) -> str:
    """Return a record's message with what belongs to it; never raises."""
    try:
        message = str(record.getMessage())
        return message + details(record) if record.exc_info or record.stack_info else message
    except Exception as error:  # noqa: BLE001 - the user's arguments
        kind = type(error).__name__
        message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        return _UNREADABLE.format(message, kind, _words(error))


def _words(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the user's exception
        return "its text raises too"


def details(record: logging.LogRecord) -> str:
    """Return traceback and stack, each behind a line break, without our frames."""
    info: Any = record.exc_info
    found = ""
    if info and info[1] is not None:
        tracebacks.cut(info[1])
        found = "\n" + _plain.formatException((info[0], info[1], info[1].__traceback__))
    if record.stack_info:
        found += "\n" + record.stack_info
    return found
