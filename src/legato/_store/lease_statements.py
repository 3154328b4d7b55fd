"""Statements on the leases of attempts; a part of `statements.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy import literal_column as written

from legato._store import columns
from legato._store import schema as s

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

fr, at, lease, writer = s.flow_run, s.attempt, s.lease, s.writer
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_START: ColumnElement[int] = written("0")
_ATTEMPT: ColumnElement[str] = written("'attempt'")
_EXPIRED: ColumnElement[str] = written("'expired'")
_LEASE = [lease.c[name] for name in columns.LEASE]


def _p(name: str) -> BindParameter[Any]:
    return bindparam(name)


QUERIES: dict[str, Executable] = {
    "meta.pulse": select(s.meta.c.alive_at).with_for_update(),
    "meta.note_pulse": update(s.meta).values(alive_at=_p("now")),
    "lease.extend": update(lease)
    .where(lease.c.expires_at > _p("after"), lease.c.expires_at < _p("until"))
    .values(expires_at=_p("until")),
    "lease.list_expired_of_kind": select(*_LEASE)
    .where(lease.c.kind == _p("kind"), lease.c.expires_at <= _p("now"))
    .order_by(lease.c.expires_at, lease.c.id)
    .limit(bindparam("limit", type_=Integer))
    .offset(_START),
    "lease.list_of_writer": select(*_LEASE, fr.c.state_type, fr.c.epoch, at.c.closed_at)
    .select_from(
        lease.outerjoin(fr, fr.c.id == lease.c.subject).outerjoin(
            at, and_(at.c.flow_run_id == lease.c.subject, at.c.number == lease.c.epoch)
        )
    )
    .where(lease.c.kind == _p("kind"), lease.c.holder_writer == _p("writer_id"))
    .order_by(lease.c.id),
    "flight.mark": update(lease)
    .where(lease.c.id == _p("id"), lease.c.subject == _p("subject"))
    .values(epoch=bindparam("epoch", type_=Integer)),
    "flight.end": delete(lease).where(lease.c.id == _p("id"), lease.c.subject == _p("subject")),
    "attempt.list_expired": select(fr.c.id)
    .join(at, and_(at.c.flow_run_id == fr.c.id, at.c.number == fr.c.epoch))
    .where(
        at.c.writer_id == _p("writer_id"),
        at.c.cause == _EXPIRED,
        fr.c.state_type == written("'CRASHED'"),
    )
    .order_by(fr.c.id),
}

QUERIES["writer.list_leased"] = (
    select(*(writer.c[name] for name in columns.WRITER))
    .where(
        writer.c.id.in_(
            select(lease.c.holder_writer).where(lease.c.ws == _START, lease.c.kind == _ATTEMPT)
        )
    )
    .order_by(writer.c.id)
)

BY_IDS: dict[str, Executable] = {
    # who holds a row of these is about to delete it too, or to find that it is of no use
    "lease.give_back": delete(lease).where(
        lease.c.id.in_(
            select(lease.c.id)
            .where(lease.c.id.in_(_IDS), lease.c.kind == _ATTEMPT)
            .with_for_update(skip_locked=True)
        )
    ),
    "flight.list": select(*_LEASE).where(lease.c.id.in_(_IDS)),
    "writer.list": select(*(writer.c[name] for name in columns.WRITER)).where(
        writer.c.id.in_(_IDS)
    ),
    "task_run.list_crashed_of_flow_runs": select(s.task_run.c.id).where(
        s.task_run.c.state_type == written("'CRASHED'"), s.task_run.c.flow_run_id.in_(_IDS)
    ),
}
