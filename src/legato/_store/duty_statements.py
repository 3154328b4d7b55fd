"""Statements of the server's duties; a part of `statements.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, ColumnElement, Integer, bindparam, delete, select
from sqlalchemy import literal_column as written

from legato._store import schema as s

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_START: ColumnElement[int] = written("0")


def _limit() -> BindParameter[int]:
    return bindparam("limit", type_=Integer)


QUERIES: dict[str, Executable] = {
    "timer.list_due": select(
        s.timer.c.id, s.timer.c.kind, s.timer.c.subject, s.timer.c.epoch, s.timer.c.due_at
    )
    .where(s.timer.c.kind == bindparam("kind"), s.timer.c.due_at <= bindparam("before"))
    .order_by(s.timer.c.due_at)
    .limit(_limit())
    .offset(_START),
}

BY_IDS: dict[str, Executable] = {
    "timer.delete": delete(s.timer).where(s.timer.c.id.in_(_IDS)),
}
