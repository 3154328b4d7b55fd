"""Stored results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, TypeGuard
from uuid import UUID

from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.operations.results import (
    FindCached,
    PutResultPart,
    ReadResult,
    ReadResultPart,
)
from legato._model.results import PART_BYTES, UPLOAD_LIMIT, UPLOADED, Result
from legato._store import results
from legato._store.port import Transaction

PRUNED_AT_ONCE = 100
DROPPED_AT_ONCE = 4
"""Uploads, of up to hundreds of megabytes each."""
UPLOADING = timedelta(days=1)
"""So long the record of a result may come after its parts: it may wait in a spool."""


def read(tx: Transaction, now: datetime, request: ReadResult) -> Result:
    """Return a result; raise ObjectNotFound."""
    found = results.find(tx, request.result_id)
    if found is None:
        raise ObjectNotFound(f"There is no result {request.result_id}.")
    return found


def find_cached(tx: Transaction, now: datetime, request: FindCached) -> Result | None:
    """Return the result that stands for a cache key."""
    return results.find_cached(tx, now, request.cache_key)


def put_part(tx: Transaction, now: datetime, request: PutResultPart) -> None:
    """Store a part of a result; raise InvalidRequest if it is not what was sent."""
    size, last = len(request.body), UPLOAD_LIMIT // PART_BYTES - 1
    if not 0 <= request.number <= last:
        raise InvalidRequest(
            f"number: Parts are numbered 0 to {last}, as a result that is uploaded has at most"
            f" {UPLOAD_LIMIT} bytes; not {request.number}."
        )
    if not 0 < size <= PART_BYTES:
        raise InvalidRequest(f"body: A part has 1 to {PART_BYTES} bytes, not {size}.")
    if sha256(request.body).digest() != request.sha256:
        raise InvalidRequest("sha256: It is not the checksum of `body`; send the part again.")
    results.put_part(tx, now, (request.result_id, request.upload_id, request.number), request.body)


def read_part(tx: Transaction, now: datetime, request: ReadResultPart) -> bytes:
    """Return a part of a result; raise ObjectNotFound."""
    found = results.read_part(tx, (request.result_id, request.upload_id, request.number))
    if found is None:
        raise ObjectNotFound(f"There is no part {request.number} of result {request.result_id}.")
    return found


def drop_parts(tx: Transaction, now: datetime) -> int:
    """Remove parts of results that nobody has recorded for a day; return of how many uploads."""
    return results.drop_parts(tx, now - UPLOADING, DROPPED_AT_ONCE)


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
    objects = [(each.id, each.location) for each in left if _is_elsewhere(each.location)]
    uploads = [each.id for each in left if _is_upload(each.location)]
    bare = [each.id for each in left if each.location is None] + uploads[:DROPPED_AT_ONCE]
    results.delete(tx, sorted(bare))
    more = limit in (expired, len(condemned)) or len(uploads) > DROPPED_AT_ONCE
    return Pruned(expired + len(bare), objects, more)


def _is_elsewhere(location: str | None) -> TypeGuard[str]:
    """Tell whether a result lies outside of the database."""
    return location is not None and not _is_upload(location)


def _is_upload(location: str | None) -> bool:
    return location is not None and location.startswith(UPLOADED)


def forget(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Remove results whose objects are gone."""
    results.delete(tx, ids)
