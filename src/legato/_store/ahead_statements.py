"""Statements on records that are safe before they are rows; a part of `statements.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    LargeBinary,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    select,
)

from legato._store import columns
from legato._store import schema as s

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

fr, at, writer, ahead = s.flow_run, s.attempt, s.writer, s.ahead


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


def _p(name: str) -> BindParameter[Any]:
    return bindparam(name)


def _uid(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=s.Uid)


QUERIES: dict[str, Executable] = {
    # nothing is written unless the writer's attempt is the latest one, and not closed
    "ahead.keep": insert(ahead).from_select(
        ["writer_id", "first_seq", "last_seq", "body"],
        select(
            _uid("writer_id"), _number("first_seq"), _number("last_seq"),
            bindparam("body", type_=LargeBinary),
        )
        .select_from(fr.join(at, and_(at.c.flow_run_id == fr.c.id, at.c.number == fr.c.epoch)))
        .where(
            fr.c.id == _uid("flow_run_id"),
            at.c.writer_id == _uid("writer_id"),
            at.c.number == bindparam("epoch"),
            at.c.closed_at.is_(None),
        ),
    ),
    "ahead.any": select(exists(select(ahead.c.id))),
    "ahead.list": select(
        ahead.c.id, ahead.c.writer_id, ahead.c.first_seq, ahead.c.last_seq, ahead.c.body
    ).order_by(ahead.c.id),
    "ahead.list_writers": select(*(writer.c[name] for name in columns.WRITER)).where(
        writer.c.id.in_(select(ahead.c.writer_id))
    ),
    "ahead.drop": delete(ahead).where(
        ahead.c.writer_id == _p("writer_id"), ahead.c.last_seq <= _p("last_seq")
    ),
    "ahead.clear": delete(ahead).where(ahead.c.id <= _p("id")),
}  # fmt: skip
