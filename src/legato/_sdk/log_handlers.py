"""Where log records go: the console (stderr) and the journal."""

from __future__ import annotations

import logging
import sys
from typing import Any

from legato._sdk import run_logs, tracebacks
from legato._sdk.context import RunContext, current

_FORMAT = "{time}.{msecs:03.0f} | {level:7} | {who}{message}"


class UserTracebacks(logging.Formatter):
    """Formats a record with the user's frames only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback if there is one."""
        run: RunContext | None = getattr(record, "legato_run", None)
        who = f"{run.noun} {run.name!r} - " if run is not None else ""
        line = _FORMAT.format(
            time=self.formatTime(record, "%H:%M:%S"),
            msecs=record.msecs,
            level=record.levelname,
            who=who,
            message=record.getMessage(),
        )
        return line + trace(self, record)


def trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Return a record's traceback as text behind a line break, without our frames."""
    info: Any = record.exc_info
    if not info or info[1] is None:
        return ""
    tracebacks.cut(info[1])
    return "\n" + formatter.formatException((info[0], info[1], info[1].__traceback__))


class ConsoleHandler(logging.Handler):
    """Writes to whatever stderr is now; silent where the root logger has handlers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(UserTracebacks())

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record to stderr."""
        if logging.root.handlers:
            return
        try:
            sys.stderr.write(self.format(record) + "\n")
        except (OSError, ValueError):
            self.handleError(record)


class JournalHandler(logging.Handler):
    """Writes the records of runs to the journal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record under its run, or the run that is active here."""
        run: RunContext | None = getattr(record, "legato_run", None) or current.get()
        if run is None:
            return
        message = record.getMessage() + trace(UserTracebacks(), record)
        run_logs.keep(run, record, message)
