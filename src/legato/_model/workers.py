"""A worker: a process somewhere that fetches the runs of a work pool and starts them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from msgspec import Struct

from legato._model.flow_runs import FlowRun

USUAL_INTERVAL = 30
"""Seconds between two heartbeats of a worker that does not say how often it sends one."""
MISSED = 3
"""After so many heartbeats that did not come a worker is offline."""


class WorkerStatus(str, Enum):
    """Whether a worker has been heard of lately."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class Worker(Struct, kw_only=True, omit_defaults=False):
    """A worker as the store knows it; its name is unique in its pool."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    work_pool_id: UUID
    last_heartbeat_time: datetime
    heartbeat_interval_seconds: int | None = None
    status: WorkerStatus = WorkerStatus.OFFLINE


def offline_at(heard: datetime, interval: int | None) -> datetime:
    """Return when a worker is offline if it is not heard of again.

    Example:
        >>> offline_at(datetime(2026, 1, 1, 12, 0, 0), interval=10)
        datetime.datetime(2026, 1, 1, 12, 0, 30)
    """
    return heard + MISSED * timedelta(seconds=interval or USUAL_INTERVAL)


class WorkerFlowRun(Struct, kw_only=True):
    """A run that a worker may start, and where it lies."""

    work_pool_id: UUID
    work_queue_id: UUID
    flow_run: FlowRun
