"""Operations on log lines."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.filters import LogFilter, LogSort
from legato._model.logs import Log, LogCreate
from legato._model.operations.spec import Operation, Spec


class CreateLogs(Operation):
    """Store log lines."""

    spec: ClassVar = Spec(
        id="logs.create",
        method="POST",
        path="/logs/",
        access="write",
        answer=None,
        status=201,
        body="logs",
    )
    logs: list[LogCreate]


class FilterLogs(Operation):
    """List log lines."""

    spec: ClassVar = Spec(
        id="logs.filter",
        method="POST",
        path="/logs/filter",
        access="read",
        answer=list[Log],
    )
    logs: LogFilter | None = None
    sort: LogSort = LogSort.TIMESTAMP_ASC
    limit: int | None = None
    offset: int = 0


class LogPart(Struct, kw_only=True):
    """Some of the lines of a flow run as CSV, for a file of that name."""

    file: str
    text: str
    after: str | None = None
    """What to ask for next; None: that was all."""


class DownloadLogs(Operation):
    """Read the log lines of a flow run as CSV, a part at a time; the server sends all parts."""

    spec: ClassVar = Spec(
        id="logs.download",
        method="GET",
        path="/flow_runs/{flow_run_id}/logs/download",
        access="read",
        answer=LogPart,
    )
    flow_run_id: UUID
    after: str = ""
    """Where the part before ended; empty: from the start."""
