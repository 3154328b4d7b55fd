"""Leases are taken, renewed, released and reaped; the lane `LEASES` is for these.

A lease that has run out is gone at once, whether or not it has been reaped: it is not counted,
and it cannot be renewed, as another may have taken its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from legato._model.errors import InvalidRequest
from legato._model.leases import Lease
from legato._store import leases
from legato._store.port import Transaction

BATCH = 500


def take(tx: Transaction, wanted: Sequence[Lease]) -> None:
    """Add leases. Whether there is room for them was asked before, under a lock of the caller's."""
    leases.create(tx, wanted)


def renew(tx: Transaction, now: datetime, epochs: Mapping[UUID, int], ttl: timedelta) -> list[UUID]:
    """Prolong leases to `now` + `ttl`; return the ids of those that are lost.

    `epochs` maps the id of each lease to the epoch under which it was taken.
    """
    if ttl <= timedelta(0):
        raise InvalidRequest(f"ttl: {ttl} is no time to hold a lease for; it must be positive.")
    held = [
        lease
        for lease in leases.claim(tx, epochs)
        if lease.expires_at > now and lease.epoch == epochs[lease.id]
    ]
    leases.renew(tx, held, now + ttl)
    kept = {lease.id for lease in held}
    return [lease_id for lease_id in epochs if lease_id not in kept]


def release(tx: Transaction, ids: Sequence[UUID]) -> int:
    """Give leases back; return how many of them were there."""
    return leases.delete(tx, ids)


def occupancy(tx: Transaction, now: datetime, kind: str, subject: UUID) -> int:
    """Count who holds a subject."""
    return leases.count(tx, kind, subject, now)


def reap(tx: Transaction, now: datetime, limit: int = BATCH) -> list[Lease]:
    """Remove at most `limit` leases that have run out, and return them, the oldest first."""
    expired = leases.claim_expired(tx, now, limit)
    if expired:
        leases.delete(tx, [lease.id for lease in expired])
    return expired
