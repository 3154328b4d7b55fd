"""What a server writes to stderr of what it does: text for people, or a JSON object a line.

Whatever is said while a request is at work carries its id.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

Format = Literal["text", "json"]
REQUEST: ContextVar[str | None] = ContextVar("legato_request", default=None)
"""The id of the request that is at work."""
_requests = logging.getLogger("legato.server.requests")
_FAILED = 500


def configure(level: str, form: Format) -> None:
    """Write what the server says from `level` on, and warnings of the libraries that it runs on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("legato").setLevel(level)


def is_told(status: int) -> bool:
    """Tell whether anybody reads how a request was answered that ended with this status."""
    return _requests.isEnabledFor(_level(status))


def answered(fields: dict[str, Any]) -> None:
    """Say how a request was answered: `method`, `path`, `status`, `ms`, perhaps `operation`."""
    said = " ".join(f"{value}" for value in fields.values())
    _requests.log(_level(fields["status"]), "%s ms", said, extra={"fields": fields})


def _level(status: int) -> int:
    """What failed is a warning, all else is said at INFO."""
    return logging.WARNING if status >= _FAILED else logging.INFO


class Lines(logging.Formatter):
    """Text: time, level, who speaks, what is said, for which request."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")
        request = REQUEST.get()
        behind = "" if request is None else f" [{request}]"
        said = (
            f"{time[:-3]} | {record.levelname:<7} | {record.name} - {record.getMessage()}{behind}"
        )
        told = _traceback(self, record)
        return said if told is None else f"{said}\n{told}"


class JsonLines(logging.Formatter):
    """A JSON object for each record: `time`, `level`, `logger`, `message`, and what is known."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := REQUEST.get()) is not None:
            said["request_id"] = request
        said |= getattr(record, "fields", {})
        if (told := _traceback(self, record)) is not None:
            said["traceback"] = told
        return json.dumps(said, default=str)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    return formatter.formatException(record.exc_info) if record.exc_info else None
