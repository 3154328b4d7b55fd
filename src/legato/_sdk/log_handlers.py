"""What a log line looks like, and the handler that shows it on stderr."""

from __future__ import annotations

import logging
import sys
import time
from functools import cache
from typing import Any

from legato._sdk import tracebacks
from legato._sdk.context import RunContext, current

_UNREADABLE = "{!r:.1000} [could not be formatted: {}: {}]"


class RunFormatter(logging.Formatter):
    """Formats a record as one line that names the run, with the user's frames of a traceback."""

    _second = 0
    _clock = ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback if there is one."""
        run: RunContext | None = record.__dict__.get("legato_run") or current.get()
        who = f"{run.noun} {run.name!r} - " if run is not None else ""
        second = int(record.created)
        if second != self._second:
            self._clock, self._second = time.strftime("%H:%M:%S", time.localtime(second)), second
        head = f"{self._clock}.{int(record.msecs):03} | {record.levelname:7} | {who}"
        return head + record.getMessage() + details(record)


_plain = logging.Formatter()


def text(record: logging.LogRecord) -> str:
    """Return a record's message with what belongs to it; never raises."""
    try:
        return str(record.getMessage()) + details(record)
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


class ConsoleHandler(logging.Handler):
    """Writes to whatever stderr is now; silent where the root logger has handlers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(RunFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record to stderr."""
        if logging.root.handlers or sys.stderr is None:
            return
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - the user's arguments, and his stderr
            self.handleError(record)


@cache
def console() -> ConsoleHandler:
    """Return the one handler for the console."""
    return ConsoleHandler()
