"""Statements on stored results, cache entries and look-ups; a part of `statements.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Table,
    bindparam,
    delete,
    literal_column,
    or_,
    select,
)

from legato._store import columns
from legato._store import schema as s

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

tr, lookup = s.task_run, s.task_run_cache


def _text(sql: str) -> ColumnElement[Any]:
    """A constant, written out: partial indexes are found by it."""
    written: ColumnElement[Any] = literal_column(sql)
    return written


_START = _text("0")
_HIT = _text("'hit'")


def _p(name: str) -> ColumnElement[Any]:
    return bindparam(name)


def _pick(table: Table, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]


QUERIES: dict[str, Executable] = {
    "cache_entry.drop": delete(s.cache_entry).where(
        s.cache_entry.c.ws == _p("ws"), s.cache_entry.c.cache_key == _p("cache_key")
    ),
    "cache_entry.find": select(*_pick(s.result, columns.RESULT))
    .select_from(s.cache_entry.join(s.result, s.result.c.id == s.cache_entry.c.result_id))
    .where(
        s.cache_entry.c.ws == _p("ws"),
        s.cache_entry.c.cache_key == _p("cache_key"),
        or_(s.cache_entry.c.expires_at.is_(None), s.cache_entry.c.expires_at > _p("now")),
    ),
    "result.read": select(*_pick(s.result, columns.RESULT)).where(s.result.c.id == _p("id")),
    "task_run_cache.read": select(*_pick(lookup, columns.CACHE_LOOKUP)).where(
        lookup.c.task_run_id == _p("task_run_id")
    ),
    "task_run_cache.list_of_task": select(*_pick(lookup, columns.CACHE_LOOKUP))
    .where(
        lookup.c.ws == _p("ws"),
        lookup.c.step_name == _p("step_name"),
        lookup.c.at <= _p("at"),
        lookup.c.cache_key.is_not(None),
        lookup.c.task_run_id != _p("task_run_id"),
    )
    .order_by(lookup.c.at.desc())
    .limit(bindparam("limit", type_=Integer))
    .offset(_START),
    "task_run_cache.find_maker": select(lookup.c.task_run_id, lookup.c.expiration_us, tr.c.end_at)
    .select_from(lookup.join(tr, tr.c.id == lookup.c.task_run_id))
    .where(
        lookup.c.ws == _p("ws"),
        lookup.c.cache_key == _p("cache_key"),
        lookup.c.outcome != _HIT,
        tr.c.state_type == _text("'COMPLETED'"),
        lookup.c.at <= _p("at"),
        lookup.c.task_run_id != _p("task_run_id"),
    )
    .order_by(lookup.c.at.desc())
    .limit(bindparam("limit", type_=Integer))
    .offset(_START),
}

BY_IDS: dict[str, Executable] = {}
