"""What a log line looks like, and the handler that shows it on stderr."""

from __future__ import annotations

import logging
import sys
import time
from functools import cache

from legato._sdk.context import RunContext, current
from legato._sdk.log_lines import details


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
        line = head + record.getMessage()
        return line + details(record) if record.exc_info or record.stack_info else line


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
