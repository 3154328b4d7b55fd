"""Of several servers on one database, one does what is to be done once: who holds the lease."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from legato._model.leases import Lease
from legato._store import leases
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

KIND = "leader"
_SUBJECT = uuid5(UUID(int=0), "duties of a server")


def take(tx: Transaction, now: datetime, holder: UUID, ttl: timedelta) -> bool:
    """Take the lead, or keep it until `now` + `ttl`; False: another server has it."""
    standing = leases.claim(tx, [_SUBJECT])
    if standing and standing[0].holder != holder and standing[0].expires_at > now:
        return False
    if standing and standing[0].holder == holder:
        leases.renew(tx, standing, now + ttl)
        return True
    leases.delete(tx, [lease.id for lease in standing])
    wanted = Lease(id=_SUBJECT, kind=KIND, subject=_SUBJECT, holder=holder, expires_at=now + ttl)
    return tx.run_many("lease.offer", [_row(tx, wanted)]) == 1


def give_up(tx: Transaction, holder: UUID) -> None:
    """Let another server lead at once."""
    own = [lease.id for lease in leases.claim(tx, [_SUBJECT]) if lease.holder == holder]
    leases.delete(tx, own)


def _row(tx: Transaction, lease: Lease) -> list[Any]:
    return [
        tx.uid(lease.id), lease.kind, tx.uid(lease.subject), tx.uid(lease.holder), lease.epoch,
        micros(lease.expires_at), DEFAULT_WORKSPACE,
    ]  # fmt: skip
