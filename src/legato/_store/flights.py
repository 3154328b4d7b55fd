"""Flights as leases: one row for each cache key whose result somebody makes.

The row's id is made of the key, so there is one at most; its subject is the flight, its epoch 1
while who holds it waits for another key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from legato._model.flights import FLIGHT
from legato._model.leases import Lease
from legato._store import attempt_leases, leases
from legato._store.port import Transaction

FIRST = timedelta(seconds=5)
"""So long a flight stands by itself; then it needs a lease of an attempt of its process.

A process tells of its run first, but by a journal that may be in the spool.
"""


class Row(NamedTuple):
    """Who makes the result of a key."""

    flight_id: UUID
    waits: bool


def lease_id(cache_key: str) -> UUID:
    """Return the id of the row of a key."""
    return UUID(bytes=blake2b(cache_key.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def claim(tx: Transaction, now: datetime, cache_key: str) -> Row | None:
    """Lock and return who makes the result of a key; None: nobody does who lives."""
    found = leases.claim(tx, [lease_id(cache_key)])
    if not _live(tx, now, found):
        leases.delete(tx, [lease.id for lease in found])
        return None
    return Row(found[0].subject, bool(found[0].epoch))


def enter(tx: Transaction, now: datetime, cache_key: str, flight_id: UUID, writer_id: UUID) -> None:
    """Have a process make the result of a key, unless one does."""
    made = Lease(
        id=lease_id(cache_key),
        kind=FLIGHT,
        subject=flight_id,
        holder=writer_id,
        expires_at=now + FIRST,
    )
    leases.create(tx, [made], known="lease.hold")


def mark(tx: Transaction, cache_key: str, flight_id: UUID, waits: bool) -> None:
    """Note whether who makes the result of a key waits."""
    params = {"id": lease_id(cache_key), "subject": flight_id, "epoch": int(waits)}
    tx.run("flight.mark", params)


def end(tx: Transaction, cache_key: str, flight_id: UUID) -> None:
    """End a flight, if it still is that of the key."""
    tx.run("flight.end", {"id": lease_id(cache_key), "subject": flight_id})


def land(tx: Transaction, cache_keys: Iterable[str]) -> None:
    """End the flights of keys: their results are there."""
    found = leases.claim(tx, map(lease_id, cache_keys))  # in the order that all lock them in
    if found:
        leases.delete(tx, [lease.id for lease in found])


def list_flying(tx: Transaction, now: datetime, cache_keys: Iterable[str]) -> set[str]:
    """Return those of the keys whose results somebody makes who lives."""
    keys = {lease_id(key): key for key in cache_keys}
    found = [leases.lease(row) for row in tx.rows_in("flight.list", sorted(keys))]
    return {keys[lease.id] for lease in _live(tx, now, found)}


def reap(tx: Transaction, now: datetime, limit: int) -> int:
    """Remove flights whose processes are gone; return how many."""
    params = {"kind": FLIGHT, "now": now, "limit": limit}
    found = [leases.lease(row) for row in tx.rows("lease.list_expired_of_kind", params)]
    live = {lease.id for lease in _live(tx, now, found)}
    return leases.delete(tx, [lease.id for lease in found if lease.id not in live])


def _live(tx: Transaction, now: datetime, found: list[Lease]) -> list[Lease]:
    """Return the flights of processes that live, or may not have been heard of yet."""
    late = [lease.holder for lease in found if lease.expires_at <= now]
    gone = set(attempt_leases.without_lease(tx, late)) if late else set[UUID]()
    return [lease for lease in found if lease.expires_at > now or lease.holder not in gone]
