"""Concurrency limits: their rows, by id and by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from legato._store import decode, encode
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at

_FIRST, _LAST = "", "\U0010ffff"


class LimitRow(Struct):
    """A row of `concurrency_limit`; `used` is what was taken of a rate limit at `used_at`."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    slots: int
    active: bool
    decay: float
    used: float
    used_at: datetime


def of_row(row: Row) -> LimitRow:
    """Return a row of `LIMIT`."""
    id_, created, updated, name, slots, active, decay, used, used_at = row
    return LimitRow(
        decode.uid(id_), at(created), at(updated), name, slots, bool(active), decay, used,
        at(used_at),
    )  # fmt: skip


def find(tx: Transaction, name: str) -> LimitRow | None:
    """Return the limit of that name."""
    rows = tx.rows("concurrency_limit.find", {"ws": DEFAULT_WORKSPACE, "name": encode.text(name)})
    return of_row(rows[0]) if rows else None


def find_by_id(tx: Transaction, limit_id: UUID) -> LimitRow | None:
    """Return the limit of that id."""
    rows = tx.rows("concurrency_limit.read", {"ws": DEFAULT_WORKSPACE, "id": limit_id})
    return of_row(rows[0]) if rows else None


def list_between(
    tx: Transaction, first: str = _FIRST, last: str = _LAST, count: int = 200, skipped: int = 0
) -> list[LimitRow]:
    """Return the limits whose names lie between two texts, by name."""
    params: dict[str, Any] = {"ws": DEFAULT_WORKSPACE, "first": first, "last": last}
    rows = tx.rows("concurrency_limit.list", {**params, "count": count, "skipped": skipped})
    return [of_row(row) for row in rows]


def create(tx: Transaction, limit: LimitRow) -> bool:
    """Add a limit; False if there is one of that name."""
    row = (
        tx.uid(limit.id), micros(limit.created), micros(limit.updated), encode.text(limit.name),
        limit.slots, int(limit.active), limit.decay, limit.used, micros(limit.used_at),
        DEFAULT_WORKSPACE,
    )  # fmt: skip
    return tx.run_many("concurrency_limit.create", [row]) == 1


def change(tx: Transaction, limit: LimitRow) -> None:
    """Write all of a limit that may change."""
    tx.run(
        "concurrency_limit.change",
        {
            "limit_id": limit.id,
            "name": encode.text(limit.name),
            "slots": limit.slots,
            "active": limit.active,
            "decay": limit.decay,
            "used": limit.used,
            "at": limit.used_at,
            "now": limit.updated,
        },
    )


def use(tx: Transaction, limit_id: UUID, used: float, now: datetime) -> None:
    """Note what is taken of a rate limit now."""
    tx.run("concurrency_limit.use", {"limit_id": limit_id, "used": used, "at": now})


def delete(tx: Transaction, limit_id: UUID) -> None:
    """Delete a limit, with all slots of it and all who wait for it."""
    tx.run("slot.delete_of_limit", {"subject": limit_id})
    tx.run("concurrency_limit.delete", {"id": limit_id})
