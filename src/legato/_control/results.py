"""Stored results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from legato._model.errors import ObjectNotFound
from legato._model.operations.results import FindCached, ReadResult
from legato._model.results import Result
from legato._store import results
from legato._store.port import Transaction

PRUNED_AT_ONCE = 100


def read(tx: Transaction, now: datetime, request: ReadResult) -> Result:
    """Return a result; raise ObjectNotFound."""
    found = results.find(tx, request.result_id)
    if found is None:
        raise ObjectNotFound(f"There is no result {request.result_id}.")
    return found


def find_cached(tx: Transaction, now: datetime, request: FindCached) -> Result | None:
    """Return the result that stands for a cache key."""
    return results.find_cached(tx, now, request.cache_key)


class Pruned(NamedTuple):
    """What one step of pruning did."""

    gone: int
    """Cache entries and results that were removed."""
    objects: list[tuple[UUID, str]]
    """Results that nothing names any more, and where they lie: `forget` them once that is gone."""
    more: bool
    """Whether there may be more to do."""


def prune(tx: Transaction, now: datetime, limit: int = PRUNED_AT_ONCE) -> Pruned:
    """Remove expired cache entries, and results that neither an entry nor a run names any more."""
    expired = results.drop_expired(tx, now, limit)
    condemned = results.list_condemned(tx, now, limit)
    results.spare(tx, [each.id for each in condemned if each.named])
    left = [each for each in condemned if not each.named]
    bare = [each.id for each in left if each.location is None]
    results.delete(tx, bare)
    objects = [(each.id, each.location) for each in left if each.location is not None]
    return Pruned(expired + len(bare), objects, more=limit in (expired, len(condemned)))


def forget(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Remove results whose objects are gone."""
    results.delete(tx, ids)
