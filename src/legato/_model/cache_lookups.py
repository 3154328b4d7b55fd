"""What a task run found under its cache key, and why: the record, and how two are compared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct

CacheOutcome = Literal["hit", "miss", "refreshed", "unreadable", "no key"]
"""`refreshed`: nobody looked. `unreadable`: there was a result, but it could not be loaded."""
NOT_COVERED = "not covered:"
"""What the name of a part begins with that is a note, and no part of the key."""

INPUTS = "inputs."


class CacheLookup(Struct, kw_only=True, omit_defaults=True):
    """One look for a cached result: under which key, made of what, and how it ended.

    `parts` are short hashes, or versions, by name. `result_id` is what the run took; what it makes
    itself is stored under its own id.
    """

    task_run_id: UUID
    step_name: str
    """Which task it is, whatever its code: see the option `step_key`."""
    at: datetime
    outcome: CacheOutcome
    cache_key: str | None = None
    parts: dict[str, str] = {}
    problem: str | None = None
    """Why there is no key, or why the result could not be loaded."""
    expiration: timedelta | None = None
    """How long the result of this run stands for the key."""
    result_id: UUID | None = None


class CacheMaker(Struct):
    """The last run that was to make the result for a key."""

    task_run_id: UUID
    expiration: timedelta | None
    ended_at: datetime | None

    @property
    def expires_at(self) -> datetime | None:
        """When what it made stops to stand for the key."""
        if self.ended_at is None or self.expiration is None:
            return None
        return self.ended_at + self.expiration


class CacheExplanation(Struct, kw_only=True):
    """Why a task run hit or missed."""

    lookup: CacheLookup
    made_by: UUID | None = None
    """The task run whose result was taken, or would have been but for `expired_at`."""
    made_at: datetime | None = None
    """When the result was made that was taken."""
    expired_at: datetime | None = None
    compared_with: UUID | None = None
    """The nearest earlier run of the task: with the fewest other inputs, then other parts."""
    differing: list[str] = []
    """The names of the parts that differ from it; none: its key was the same."""


def differing(one: CacheLookup, other: CacheLookup) -> list[str]:
    """Return the names of the parts in which two keys differ, sorted."""
    names = one.parts.keys() | other.parts.keys()
    return sorted(
        name
        for name in names
        if one.parts.get(name) != other.parts.get(name) and not name.startswith(NOT_COVERED)
    )


def explained(
    lookup: CacheLookup, maker: CacheMaker | None, earlier: Iterable[CacheLookup]
) -> CacheExplanation:
    """Explain a look-up by what went before it, the latest first."""
    found = CacheExplanation(lookup=lookup)
    if lookup.outcome == "hit":
        found.made_by = lookup.result_id
    if lookup.outcome != "miss":
        return found
    _compare(found, earlier)
    ends = None if maker is None else maker.expires_at
    if maker is not None and ends is not None and ends <= lookup.at:
        found.made_by, found.expired_at = maker.task_run_id, ends
    return found


def _compare(found: CacheExplanation, earlier: Iterable[CacheLookup]) -> None:
    """Note the nearest of the earlier look-ups; of several the latest."""
    nearest: tuple[int, int] | None = None
    for other in earlier:
        names = differing(found.lookup, other)
        far = (sum(name.startswith(INPUTS) for name in names), len(names))
        if nearest is None or far < nearest:
            nearest = far
            found.compared_with, found.differing = other.task_run_id, names
        if not names:
            return
