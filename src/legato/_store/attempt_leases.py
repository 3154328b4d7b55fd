"""Leases of attempts: rows that come and go with the attempts, and what is asked about them.

A writer that tells how long its leases last has one for each attempt of a flow run that is no
subflow; the runs below live and die with it. Task runs of no flow run share one, on the writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from legato._model.leases import ATTEMPT, Lease, span
from legato._model.records import Writer
from legato._store import decode, leases, sql
from legato._store.dialect import EPOCH
from legato._store.port import Transaction
from legato._store.sql import Sql

FIRST = 2
"""So many times as long the first lease of an attempt lasts.

The keeper that renews it is started when the run is some seconds old, by a thread, which a call
that does not let the interpreter go holds up.
"""


class AttemptLeases:
    """The leases of attempts that a transaction opens and closes.

    `leased`: those that it closes may have one. Runs in `below` hang from another attempt.
    """

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self._tx, self._now = tx, now
        self.leased = False
        self.below: set[UUID] = set()
        self._begun: list[Lease] = []
        self._ended: list[UUID] = []
        self._alone: dict[UUID, Lease] = {}

    def begin(self, flow_run_id: UUID, number: int, writer: Writer) -> None:
        """Take the lease of a new attempt, if its writer lives by leases."""
        if writer.lease_seconds is None or flow_run_id in self.below:
            return
        until = self._now + FIRST * span(writer.lease_seconds)
        self._begun.append(lease_of(flow_run_id, number, writer.id, until))

    def end(self, flow_run_id: UUID, number: int) -> None:
        """Give the lease of an attempt back."""
        if self.leased:
            self._ended.append(lease_id(flow_run_id, number))

    def live(self, writer: Writer) -> None:
        """Have a lease show that a writer lives whose task runs are of no flow run."""
        if writer.lease_seconds is not None and writer.id not in self._alone:
            until = self._now + FIRST * span(writer.lease_seconds)
            self._alone[writer.id] = lease_of(writer.id, 0, writer.id, until)

    def flush(self) -> None:
        """Write and delete the rows."""
        if self._alone:
            leases.create(self._tx, self._alone.values(), known="lease.hold")
            self._alone = {}
        if self._begun:
            leases.create(self._tx, self._begun)
            self._begun = []
        if self._ended:
            self._tx.run("lease.give_back", {"ids": sorted(self._ended)})
            self._ended = []


def lease_id(flow_run_id: UUID, number: int) -> UUID:
    """Return the id of the lease of an attempt."""
    return uuid5(flow_run_id, f"attempt {number}")


def lease_of(flow_run_id: UUID, number: int, holder: UUID, until: datetime) -> Lease:
    """Return the lease of an attempt."""
    return Lease(
        id=lease_id(flow_run_id, number),
        kind=ATTEMPT,
        subject=flow_run_id,
        holder=holder,
        epoch=number,
        expires_at=until,
    )


def list_expired(tx: Transaction, now: datetime, limit: int) -> list[Lease]:
    """Return leases of attempts that have run out, the oldest first; locks nothing."""
    params = {"kind": ATTEMPT, "now": now, "limit": limit}
    return [leases.lease(row) for row in tx.rows("lease.list_expired_of_kind", params)]


def list_of_writer(tx: Transaction, writer_id: UUID) -> list[tuple[Lease, str | None, bool]]:
    """Return a writer's leases, each with the state type of its run and whether it is held."""
    found: list[tuple[Lease, str | None, bool]] = []
    params = {"kind": ATTEMPT, "writer_id": writer_id}
    for *row, state_type, epoch, closed_at in tx.rows("lease.list_of_writer", params):
        lease = leases.lease(tuple(row))
        of_run = closed_at is None and epoch == lease.epoch
        found.append((lease, state_type, of_run or lease.subject == lease.holder))
    return found


def list_given_up(tx: Transaction, writer_id: UUID) -> list[UUID]:
    """Return the runs that a writer would still hold if its leases had not expired."""
    rows = tx.rows("attempt.list_expired", {"writer_id": writer_id})
    return [decode.uid(row[0]) for row in rows]


def list_writers(tx: Transaction) -> list[Writer]:
    """Return the writers that hold leases of attempts."""
    return [decode.writer(row) for row in tx.rows("writer.list_leased", {})]


def find_writers(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, Writer]:
    """Return writers by their ids; those that are unknown are left out."""
    rows = tx.rows_in("writer.list", sorted(set(ids)))
    return {writer.id: writer for writer in map(decode.writer, rows)}


def extend(tx: Transaction, after: datetime, until: datetime) -> int:
    """Prolong all leases that lived at a time; return how many."""
    return tx.run("lease.extend", {"after": after, "until": until})


def pulse(tx: Transaction, now: datetime) -> datetime | None:
    """Note that a server lives; return when one has noted that before."""
    ((before,),) = tx.rows("meta.pulse", {})
    tx.run("meta.note_pulse", {"now": now})
    return None if before is None else EPOCH + timedelta(microseconds=before)


def without_lease(
    tx: Transaction, writers: Sequence[UUID], over: Sequence[UUID] = ()
) -> list[UUID]:
    """Return those of the writers that hold no lease of an attempt but these."""
    held = Sql("SELECT lease.holder_writer FROM lease WHERE lease.kind = ? AND", (ATTEMPT,)).then(
        sql.is_in("lease.holder_writer", writers),
        Sql("AND"),
        sql.is_not_in("lease.id", over),
    )
    holders = {decode.uid(row[0]) for row in tx.select(held)}
    return [writer for writer in writers if writer not in holders]
