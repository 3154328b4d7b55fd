"""Columns of events, as `columns.py` has those of runs."""

from __future__ import annotations

EVENT = (
    "position",
    "event_id",
    "event",
    "occurred_at",
    "received_at",
    "follows",
    "resource",
    "related",
    "payload",
)
EVENT_CREATE = (
    "position",
    "day",
    "ws",
    "event_id",
    "event",
    "occurred_at",
    "received_at",
    "resource_id",
    "follows",
    "resource",
    "related",
    "payload",
)
RESOURCE_CREATE = ("position", "resource_id", "role", "day", "ws")
LABEL_CREATE = ("ws", "label", "value", "position", "day")
