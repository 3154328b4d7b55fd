"""Statements on stored results, cache entries and look-ups; a part of `statements.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Table,
    bindparam,
    delete,
    exists,
    literal_column,
    null,
    or_,
    select,
    update,
)

from legato._model.results import UPLOADED
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


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_SHARED = s.result.c.flow_run_id.is_(None)


def _named_by(table: Table) -> ColumnElement[bool]:
    """Look by the index, result by result: PostgreSQL would read all of `table` for `EXISTS`."""
    names = select(_text("1")).where(table.c.result_id == s.result.c.id)
    return names.limit(_text("1")).offset(_START).scalar_subquery().is_not(None)


def _condemned(*conditions: ColumnElement[bool]) -> Executable:
    """Shared results are looked at by the next pruning; others become so that have objects."""
    return update(s.result).where(*conditions).values(expires_at=s.result.c.created_at)


def _found_by(runs: ColumnElement[bool]) -> Executable:
    found = select(lookup.c.result_id).join(tr, tr.c.id == lookup.c.task_run_id).where(runs)
    return _condemned(_SHARED, s.result.c.id.in_(found))


_PART = s.result_part
_IS_UPLOADED = s.result.c.location.like(_text(f"'{UPLOADED}%'"))

QUERIES: dict[str, Executable] = {
    "result_part.read": select(_PART.c.body).where(
        _PART.c.result_id == _p("result_id"),
        _PART.c.upload_id == _p("upload_id"),
        _PART.c.number == bindparam("number", type_=Integer),
    ),
    "result_part.list_left": select(_PART.c.result_id, _PART.c.upload_id)
    .where(
        _PART.c.number == _START,
        _PART.c.created_at < _p("before"),
        ~exists().where(s.result.c.id == _PART.c.result_id),
    )
    .order_by(_PART.c.created_at)
    .limit(bindparam("limit", type_=Integer))
    .offset(_START),
    "cache_entry.drop": delete(s.cache_entry).where(
        s.cache_entry.c.ws == _p("ws"), s.cache_entry.c.cache_key == _p("cache_key")
    ),
    "cache_entry.condemn": update(s.result)
    .where(
        _SHARED,
        s.result.c.id.in_(
            select(s.cache_entry.c.result_id).where(
                s.cache_entry.c.ws == _p("ws"), s.cache_entry.c.cache_key == _p("cache_key")
            )
        ),
    )
    .values(expires_at=_p("at")),
    "cache_entry.list_expired": select(s.cache_entry.c.id, s.cache_entry.c.result_id)
    .where(s.cache_entry.c.expires_at <= _p("before"))
    .order_by(s.cache_entry.c.expires_at)
    .limit(bindparam("limit", type_=Integer))
    .offset(_START)
    .with_for_update(skip_locked=True),
    "result.list_condemned": select(
        s.result.c.id,
        s.result.c.location,
        or_(_named_by(s.cache_entry), _named_by(lookup)),
    )
    .where(s.result.c.expires_at <= _p("now"))
    .order_by(s.result.c.expires_at)
    .limit(bindparam("limit", type_=Integer))
    .offset(_START),
    "cache_entry.find": select(
        *_pick(s.result, columns.RESULT[:-1]),
        s.cache_entry.c.expires_at,
    )
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

BY_IDS: dict[str, Executable] = {
    "cache_entry.delete": delete(s.cache_entry).where(s.cache_entry.c.id.in_(_IDS)),
    "cache_entry.delete_of_flow_runs": delete(s.cache_entry).where(
        s.cache_entry.c.result_id.in_(select(s.result.c.id).where(s.result.c.flow_run_id.in_(_IDS)))
    ),
    "result_part.delete": delete(_PART).where(_PART.c.result_id.in_(_IDS)),
    "result_part.delete_of_flow_runs": delete(_PART).where(
        _PART.c.result_id.in_(
            select(s.result.c.id).where(s.result.c.flow_run_id.in_(_IDS), _IS_UPLOADED)
        )
    ),
    "result.delete": delete(s.result).where(s.result.c.id.in_(_IDS)),
    "result.condemn": _condemned(_SHARED, s.result.c.id.in_(_IDS)),
    "result.spare": update(s.result).where(s.result.c.id.in_(_IDS)).values(expires_at=null()),
    "result.condemn_found_by_flow_runs": _found_by(tr.c.flow_run_id.in_(_IDS)),
    "result.condemn_found_by_task_runs": _found_by(tr.c.id.in_(_IDS)),
    "result.condemn_of_flow_runs": update(s.result)
    .where(s.result.c.flow_run_id.in_(_IDS), s.result.c.location.is_not(None), ~_IS_UPLOADED)
    .values(expires_at=s.result.c.created_at, flow_run_id=null()),
    "result.condemn_of_task_runs": _condemned(
        _SHARED, s.result.c.id.in_(select(tr.c.result_id).where(tr.c.id.in_(_IDS)))
    ),
}
