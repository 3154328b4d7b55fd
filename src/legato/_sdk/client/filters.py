"""The filters as users make them: `FlowRunFilter(state={"type": {"any_": ["FAILED"]}})`."""

from __future__ import annotations

from legato._model import filters
from legato._sdk.records import Record, RecordMeta


class FlowFilter(Record, filters.FlowFilter, metaclass=RecordMeta):
    """Which flows."""


class FlowRunFilter(Record, filters.FlowRunFilter, metaclass=RecordMeta):
    """Which flow runs."""


class TaskRunFilter(Record, filters.TaskRunFilter, metaclass=RecordMeta):
    """Which task runs."""


class LogFilter(Record, filters.LogFilter, metaclass=RecordMeta):
    """Which log lines."""
