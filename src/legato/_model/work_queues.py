"""A work queue: some of the runs of a work pool, with a rank and a limit of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from legato._model.work_pools import WorkStatus

DEFAULT_QUEUE = "default"
POLLED_WITHIN = timedelta(seconds=60)
"""A queue is ready for so long after somebody asked for its runs."""


class WorkQueue(Struct, kw_only=True, omit_defaults=False):
    """A work queue as the store knows it; its name is unique in its pool.

    `priority` is its rank in the pool, 1 is served first. `active_slots` are its runs that are
    Pending or Running, if there is a limit for them.
    """

    id: UUID
    created: datetime
    updated: datetime
    name: str
    description: str | None = ""
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int = 1
    work_pool_id: UUID
    work_pool_name: str
    filter: None = None
    """Of agents; always null."""
    last_polled: datetime | None = None
    status: WorkStatus = WorkStatus.NOT_READY
    active_slots: int | None = None


class WorkQueueCreate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What makes a work queue; without a priority it takes the first rank that is free."""

    name: str
    description: str | None = None
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int | None = None
    filter: None = None


class WorkQueueUpdate(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What may be changed of a work queue; what is UNSET stays."""

    name: str | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    is_paused: bool | UnsetType = UNSET
    concurrency_limit: int | None | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    last_polled: datetime | None | UnsetType = UNSET
    filter: None | UnsetType = UNSET


class WorkQueueHealth(Struct, kw_only=True):
    """Whether the runs of a queue are fetched: somebody asks for them, and none of them is late."""

    healthy: bool
    late_runs_count: int = 0
    last_polled: datetime | None = None
    health_check_policy: HealthPolicy


class HealthPolicy(Struct, kw_only=True):
    """What a healthy queue keeps to."""

    maximum_late_runs: int = 0
    maximum_seconds_since_last_polled: int = int(POLLED_WITHIN.total_seconds())


def status_of(queue: WorkQueue, now: datetime) -> WorkStatus:
    """Return the status of a queue at a time."""
    return WorkStatus.PAUSED if queue.is_paused else standing(queue.last_polled, now)


def standing(last_polled: datetime | None, now: datetime) -> WorkStatus:
    """Return whether somebody asks for the runs of a queue, or of a deployment."""
    polled = last_polled is not None and now - last_polled <= POLLED_WITHIN
    return WorkStatus.READY if polled else WorkStatus.NOT_READY


def free_rank(ranks: Mapping[UUID, int]) -> int:
    """Return the first rank that no queue of a pool has."""
    taken, rank = set(ranks.values()), 1
    while rank in taken:
        rank += 1
    return rank


def moved_by(ranks: Mapping[UUID, int], rank: int) -> dict[UUID, int]:
    """Return the new ranks of queues that give way to one that takes a rank: each by one place.

    Example:
        >>> moved_by({a: 1, b: 2, c: 4}, 1)
        {a: 2, b: 3}
    """
    moved: dict[UUID, int] = {}
    for queue_id, old in sorted(ranks.items(), key=lambda item: item[1]):
        if old == rank:
            rank = moved[queue_id] = old + 1
    return moved
