"""Rows of leases: made, prolonged, deleted; those that live are counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from legato._model.leases import Lease
from legato._store import decode, encode
from legato._store.dialect import EPOCH, micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction


def create(tx: Transaction, leases: Iterable[Lease], known: str = "lease.create") -> None:
    """Add leases; raises one of `tx.data_errors` if there is one of that id.

    `known`: the statement; "lease.hold" leaves one that is there as it is.
    """
    flat: list[Any] = []
    for lease in leases:
        flat += (
            tx.uid(lease.id), encode.text(lease.kind), tx.uid(lease.subject),
            tx.uid(lease.holder), lease.epoch, micros(lease.expires_at), DEFAULT_WORKSPACE,
        )  # fmt: skip
    if flat:
        tx.bulk(known, flat)


def claim(tx: Transaction, ids: Iterable[UUID]) -> list[Lease]:
    """Lock and return those leases that are there, in the order of their ids."""
    return [lease(row) for row in tx.rows_in("lease.standing", sorted(set(ids)))]


def claim_expired(tx: Transaction, now: datetime, limit: int) -> list[Lease]:
    """Lock and return leases that have run out, oldest first; what others hold is left out."""
    rows = tx.rows("lease.list_expired", {"now": now, "limit": limit})
    return [lease(row) for row in rows]


def renew(tx: Transaction, leases: Sequence[Lease], until: datetime) -> None:
    """Prolong leases that are claimed."""
    flat: list[Any] = []
    for lease in leases:
        flat += (tx.uid(lease.id), lease.epoch, micros(until))
    if flat:
        tx.bulk("lease.renew", flat)


def delete(tx: Transaction, ids: Iterable[UUID]) -> int:
    """Delete leases; return how many were there."""
    return tx.run("lease.delete", {"ids": sorted(set(ids))})


def release_of(tx: Transaction, writers: Iterable[UUID]) -> int:
    """Delete what writers hold that are dead; return how many there were."""
    return tx.run("lease.delete_of_writers", {"ids": sorted(set(writers))})


def count(tx: Transaction, kind: str, subject: UUID, now: datetime) -> int:
    """Count the leases on a subject that live."""
    params = {"ws": DEFAULT_WORKSPACE, "kind": kind, "subject": subject, "now": now}
    ((found,),) = tx.rows("lease.count", params)
    number: int = found
    return number


def lease(row: tuple[Any, ...]) -> Lease:
    """Return a lease from its columns."""
    id_, kind, subject, holder, epoch, expires_at = row
    return Lease(
        id=decode.uid(id_),
        kind=kind,
        subject=decode.uid(subject),
        holder=decode.uid(holder),
        epoch=epoch,
        expires_at=EPOCH + timedelta(microseconds=expires_at),
    )
