"""Filters of lists; nested ones may be given as dicts."""

from legato._sdk.client.filters import FlowFilter, FlowRunFilter, LogFilter, TaskRunFilter

__all__ = ["FlowFilter", "FlowRunFilter", "LogFilter", "TaskRunFilter"]
