"""Slots of concurrency limits as leases: `slot` is held, `wait` stands in line for one.

How many slots are held is counted from the leases, never kept beside them. The rows of one
request have one `grant_id`; there is one for each limit, of `slots` slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from legato._model.slots import Holder, Limit, Request, decayed
from legato._store import concurrency_limits, decode, encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

HELD, WAITS = "slot", "wait"
PAGE = 64
"""Requests of one limit that are looked at in one go; the statement `slot.line` says so too."""


class Lease(NamedTuple):
    """One row: slots of one limit, held or waited for."""

    grant_id: UUID
    kind: str
    limit_id: UUID
    slots: int
    asked_at: int


class Ask(NamedTuple):
    """What is asked for, and for whom."""

    grant_id: UUID
    limits: Sequence[UUID]
    slots: int
    writer_id: UUID
    expires_at: datetime
    holder: Holder | None


def enter(tx: Transaction) -> None:
    """Lock one limit, the same for everybody, before any other.

    A commit of several operations cannot lock all that they change in the order of ids, as each
    comes with limits of its own; so on PostgreSQL they take turns.
    """
    tx.rows("slot.enter", {})


def linked(tx: Transaction, limits: Iterable[UUID]) -> list[UUID]:
    """Return limits and those which requests that wait for them wait for too, by id."""
    enter(tx)
    ids = set(limits)
    found = tx.rows_in("slot.linked", sorted(ids))
    return sorted(ids | {decode.uid(row[0]) for row in found})


def load(tx: Transaction, limits: Sequence[UUID], now: datetime) -> dict[UUID, Limit]:
    """Lock limits in the order of their ids, and count what is held of them."""
    rows = [
        concurrency_limits.of_row(row) for row in tx.rows_in("concurrency_limit.standing", limits)
    ]
    held = {decode.uid(row[0]): int(row[1]) for row in tx.rows_in("slot.held", limits)}
    found: dict[UUID, Limit] = {}
    for row in sorted(rows, key=lambda row: row.id):
        taken: float = held.get(row.id, 0)
        if row.decay > 0:
            taken = decayed(row.used, row.decay, (now - row.used_at).total_seconds())
        found[row.id] = Limit(row.id, row.name, row.slots, row.decay, row.active, taken)
    return found


def line(tx: Transaction, limits: Iterable[UUID]) -> list[Request]:
    """Return the requests that wait for any of the limits, first come first; a page of each."""
    when: dict[UUID, int] = {}
    for limit_id in limits:
        for grant_id, _, asked_at in tx.rows("slot.line", {"subject": limit_id}):
            when[decode.uid(grant_id)] = asked_at
    leases = of_grants(tx, list(when))
    order = sorted(when, key=lambda grant_id: (when[grant_id], grant_id))
    return [
        Request(grant_id, leases[grant_id][0].slots, [lease.limit_id for lease in leases[grant_id]])
        for grant_id in order
    ]


def of_grants(tx: Transaction, grants: Sequence[UUID]) -> dict[UUID, list[Lease]]:
    """Return the rows of requests, by request."""
    found: dict[UUID, list[Lease]] = {}
    for grant_id, kind, subject, slots, asked_at in tx.rows_in("slot.of_grants", grants):
        lease = Lease(decode.uid(grant_id), kind, decode.uid(subject), slots, asked_at)
        found.setdefault(lease.grant_id, []).append(lease)
    return found


def ask(tx: Transaction, now: datetime, given: Ask, kind: str = WAITS) -> None:
    """Put a request into the line."""
    null = tx.null
    run_kind = null if given.holder is None else encode.text(given.holder.type)
    run_id = null if given.holder is None else tx.uid(given.holder.id)
    rows = [
        (
            tx.uid(uuid5(given.grant_id, limit_id.hex)), DEFAULT_WORKSPACE, kind,
            tx.uid(limit_id), tx.uid(given.writer_id), 0, micros(given.expires_at),
            tx.uid(given.grant_id), micros(now), given.slots, run_kind, run_id,
        )
        for limit_id in given.limits
    ]  # fmt: skip
    tx.run_many("slot.create", rows)


def hand_over(tx: Transaction, grants: Sequence[UUID]) -> None:
    """Let requests hold what they waited for."""
    tx.run("slot.hand_over", {"ids": grants})


def end(tx: Transaction, grants: Sequence[UUID]) -> None:
    """End requests: what they hold is free, and they wait no longer."""
    tx.run("slot.delete_of_grants", {"ids": grants})


def renew(tx: Transaction, grant_id: UUID, until: datetime) -> bool:
    """Hold slots until a later time; tell whether they were held."""
    return tx.run("slot.renew", {"grant": grant_id, "until": until}) > 0


def empty(tx: Transaction, limit_id: UUID) -> None:
    """Take the slots of a limit from all who hold them."""
    tx.run("slot.delete_held", {"subject": limit_id})


def list_runs(tx: Transaction, limit_id: UUID) -> list[UUID]:
    """Return the runs that hold slots of a limit."""
    rows = tx.rows("slot.list_runs", {"subject": limit_id})
    return [decode.uid(row[0]) for row in rows if row[0] is not None]


def count_held(tx: Transaction, limits: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many slots of each limit are held; limits without any are left out."""
    return {decode.uid(row[0]): int(row[1]) for row in tx.rows_in("slot.held", limits)}


def list_held_beyond(tx: Transaction, limits: Sequence[UUID], until: datetime) -> list[UUID]:
    """Return the requests that hold slots of limits beyond a time, first come first."""
    found: dict[UUID, int] = {}
    for limit_id in limits:
        params = {"subject": limit_id, "until": until}
        for grant_id, asked_at in tx.rows("slot.list_beyond", params):
            found[decode.uid(grant_id)] = asked_at
    return sorted(found, key=lambda grant_id: (found[grant_id], grant_id))


def list_expired(tx: Transaction, now: datetime) -> list[tuple[UUID, UUID]]:
    """Return (request, writer) of the leases whose time is over."""
    rows = tx.rows("slot.list_expired", {"now": now})
    return [(decode.uid(row[0]), decode.uid(row[1])) for row in rows]


def of_writers(tx: Transaction, writers: Sequence[UUID]) -> list[UUID]:
    """Return the requests of writers."""
    found = {decode.uid(row[0]) for row in tx.rows_in("slot.of_holders", writers)}
    return sorted(found)
