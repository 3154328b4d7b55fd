"""Operations on log lines."""

from __future__ import annotations

from typing import ClassVar

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
