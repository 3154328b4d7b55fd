"""Who gets the slots of concurrency limits: the pure rules.

A request asks for a number of slots of one or several limits, all or none of them. Requests are
served in the order in which they came: one that waits keeps later ones from taking what it waits
for, so a large request is never overtaken for ever by small ones. The rule is the same whenever
something changes: a request comes, slots are released, a limit is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from uuid import UUID

from msgspec import Struct


class Mode(str, Enum):
    """Whether slots are held for a while, or used up and come back by themselves."""

    concurrency = "concurrency"
    rate_limit = "rate_limit"


class Holder(Struct, kw_only=True, frozen=True):
    """For whom slots are held."""

    type: str
    id: UUID


class Limit(Struct):
    """A limit at one moment. `held` slots are taken; of a rate limit, what has not come back."""

    id: UUID
    name: str
    slots: int
    decay: float
    active: bool
    held: float


class Request(Struct, frozen=True):
    """A request that waits; `limits` are all that it waits for."""

    grant_id: UUID
    slots: int
    limits: Sequence[UUID]


class Holding(Struct):
    """A limit of which slots are held; `slots`: how many it has."""

    id: UUID
    name: str
    slots: int


class Granted(Struct, tag="granted"):
    """The slots are held, under this id if they are to be released."""

    grant_id: UUID
    limits: list[str]
    held: list[Holding] = []


class Waits(Struct, tag="waits"):
    """The request waits in line; by themselves, slots come back in `seconds` (None: not)."""

    grant_id: UUID
    seconds: float | None = None


class Missing(Struct, tag="missing"):
    """`strict`: limits of these names do not exist, and nothing was taken."""

    names: list[str]


Answer = Granted | Waits | Missing


def decayed(used: float, decay: float, seconds: float) -> float:
    """Return how much of `used` is left after `seconds`; a clock that went back gives none."""
    return max(0.0, used - decay * max(0.0, seconds))


def next_granted(limits: Mapping[UUID, Limit], waiting: Iterable[Request]) -> list[Request]:
    """Return the requests that get their slots now, in order; `held` of the limits is updated.

    What a request is left waiting for counts as taken for those behind it. Limits that are not in
    `limits` are unknown here: a request for one of them is not granted.
    """
    granted: list[Request] = []
    for request in waiting:
        known = [limits[of] for of in request.limits if of in limits]
        if any(never_fits(limit, request.slots) for limit in known):
            continue
        if len(known) == len(request.limits) and all(fits(x, request.slots) for x in known):
            granted.append(request)
        for limit in known:
            limit.held += request.slots
    return granted


def fits(limit: Limit, slots: int) -> bool:
    """Tell whether so many slots are free; a limit that is not active has always some."""
    return not limit.active or limit.held + slots <= limit.slots + _ROUNDING


def never_fits(limit: Limit, slots: int) -> bool:
    """Tell whether more is asked for than there is; a limit of 0 only holds everybody up."""
    return limit.active and 0 < limit.slots < slots


def seconds_until(limit: Limit, slots: int) -> float | None:
    """Return when a rate limit has so many slots free if nobody takes any; None: no telling.

    `held` counts what is taken and what those ahead wait for.
    """
    if not limit.active or limit.decay <= 0 or limit.slots == 0:
        return None
    return max(0.0, (limit.held + slots - limit.slots) / limit.decay)


_ROUNDING = 1e-6
"""Slots that come back in parts are floats; a request must not wait for the last bit of one."""
