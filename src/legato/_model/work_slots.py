"""Which runs have the slots of a work pool and of its queues."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from legato._model.states import StateType


class SlotHolder(Struct, kw_only=True):
    """A run that is Pending or Running, and since when."""

    id: UUID
    name: str
    state_type: StateType | None = None
    state_name: str | None = None
    start_time: datetime | None = None
    state_timestamp: datetime | None = None
    time_in_current_state: timedelta | None = None


class QueueSlots(Struct, kw_only=True):
    """A queue of a pool with the first of its runs that have slots."""

    queue_id: UUID
    queue_name: str
    active_slots: int
    concurrency_limit: int | None = None
    flow_runs: list[SlotHolder] = []
    flow_run_count: int | None = None
    """How many runs have slots, of which `flow_runs` may be the first."""


class PoolSlotsPage(Struct, kw_only=True):
    """A page of the queues of a pool, counted from 1, and how many queues there are."""

    active_slots: int
    concurrency_limit: int | None = None
    queues: list[QueueSlots] = []
    count: int
    limit: int
    pages: int
    page: int


class QueueSlotsPage(Struct, kw_only=True):
    """A page of the runs that have slots of a queue, counted from 1, and how many there are."""

    active_slots: int
    concurrency_limit: int | None = None
    flow_runs: list[SlotHolder] = []
    count: int
    limit: int
    pages: int
    page: int
