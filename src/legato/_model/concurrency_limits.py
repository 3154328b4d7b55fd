"""A concurrency limit: how many may hold a slot of it at once, or how fast slots come back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

TAG = "tag:"
"""What the names of limits on a tag begin with."""


class GlobalConcurrencyLimit(Struct, kw_only=True):
    """A limit of `limit` slots; its name is unique in a workspace.

    `slot_decay_per_second` > 0 makes it a rate limit: slots that were taken come back at that
    rate. `active_slots` is how many are taken at the moment of asking.
    """

    id: UUID
    created: datetime
    updated: datetime
    name: str
    limit: int
    active: bool = True
    active_slots: int = 0
    slot_decay_per_second: float = 0.0


class NewGlobalConcurrencyLimit(GlobalConcurrencyLimit, kw_only=True):
    """A limit as it is answered to who made it, with numbers that no other answer has.

    Prefect's server begins to count with them; here nothing is counted.
    """

    denied_slots: int = 0
    avg_slot_occupancy_seconds: float = 2.0


class GlobalConcurrencyLimitCreate(Struct, kw_only=True, omit_defaults=True):
    """What makes a limit."""

    name: str
    limit: int
    active: bool | None = True
    active_slots: int | None = 0
    slot_decay_per_second: float | None = 0.0


class GlobalConcurrencyLimitUpdate(Struct, kw_only=True, omit_defaults=True):
    """What may be changed of a limit; what is None or UNSET stays.

    `active_slots=0` takes the slots from whoever holds them.
    """

    name: str | None | UnsetType = UNSET
    limit: int | None | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    active_slots: int | None | UnsetType = UNSET
    slot_decay_per_second: float | None | UnsetType = UNSET


class ConcurrencyLimit(Struct, kw_only=True):
    """How many task runs with a tag may run at once; `active_slots` are those that do."""

    id: UUID
    created: datetime
    updated: datetime
    tag: str
    concurrency_limit: int
    active_slots: list[UUID] = []


class ConcurrencyLimitCreate(Struct, kw_only=True, omit_defaults=True):
    """What makes a limit on a tag; an existing one is changed."""

    tag: str
    concurrency_limit: int


def fault_of_numbers(limit: int, decay: float) -> str | None:
    """Say what is wrong with the numbers of a limit."""
    if not 0 <= limit <= 2**31 - 1:
        return f"limit: A limit has 0 to {2**31 - 1} slots, not {limit}."
    if not 0 <= decay <= 1e9:
        return f"slot_decay_per_second: It is 0 (no rate limit) to 1e9, not {decay}."
    return None
