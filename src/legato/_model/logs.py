"""A line that a run logged."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Log(Struct, kw_only=True):
    """A stored log line; (flow_run_id, writer_id, seq) is its key, so gaps can be seen.

    It never changes, so `updated` is `created`.
    """

    id: UUID
    created: datetime
    updated: datetime
    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class LogCreate(Struct, kw_only=True, omit_defaults=True, gc=False):
    """A line to log: `level` as in the standard library's logging."""

    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
