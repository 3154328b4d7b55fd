"""The active runs and their tags."""

from legato._sdk.context import (
    FlowRunContext,
    TagsContext,
    TaskRunContext,
    get_run_context,
    tags,
)
from legato._sdk.moving import hydrated_context, serialize_context, with_context

__all__ = [
    "FlowRunContext",
    "TagsContext",
    "TaskRunContext",
    "get_run_context",
    "hydrated_context",
    "serialize_context",
    "tags",
    "with_context",
]
