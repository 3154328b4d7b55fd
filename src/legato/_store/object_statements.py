"""Statements on variables, artifacts, limits and their leases; a part of `statements.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from legato._store import object_columns as columns
from legato._store import schema as s
from legato._store.port import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable

var, art, coll = s.variable, s.artifact, s.artifact_collection
limit, lease, given = s.concurrency_limit, s.lease, s.flow_run_input
saved = s.saved_search

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)


def _text(sql: str) -> ColumnElement[Any]:
    """A constant, written out: parameters are what the caller gives."""
    written: ColumnElement[Any] = literal_column(sql)
    return written


_HERE = _text(str(DEFAULT_WORKSPACE))
_HELD = _text("'slot'")
_WAITING = _text("'wait'")
_ONE = _text("1")
_PAGE = _text("64")
_START = _text("0")


def _p(name: str) -> ColumnElement[Any]:
    return bindparam(name)


def _pick(table: Table, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]


_other = lease.alias("other")
_LIMIT = select(*_pick(limit, columns.LIMIT))
_SAVED = select(*_pick(saved, columns.SAVED_SEARCH)).where(saved.c.ws == _p("ws"))

QUERIES: dict[str, Executable] = {
    "variable.read": select(*_pick(var, columns.VARIABLE)).where(
        var.c.ws == _p("ws"), var.c.id == _p("id")
    ),
    "variable.find": select(*_pick(var, columns.VARIABLE)).where(
        var.c.ws == _p("ws"), var.c.name == _p("name")
    ),
    "variable.change": update(var)
    .where(var.c.id == _p("variable_id"))
    .values(name=_p("name"), value=_p("value"), tags=_p("tags"), updated_at=_p("now")),
    "variable.delete": delete(var).where(var.c.id == _p("id")),
    "flow_run_input.read": select(*_pick(given, columns.INPUT)).where(
        given.c.flow_run_id == _p("flow_run_id"), given.c.key == _p("key")
    ),
    "flow_run_input.list": select(*_pick(given, columns.INPUT))
    .where(given.c.flow_run_id == _p("flow_run_id"))
    .order_by(given.c.created_at, given.c.id),
    "flow_run_input.delete": delete(given).where(
        given.c.flow_run_id == _p("flow_run_id"), given.c.key == _p("key")
    ),
    "artifact.read": select(*_pick(art, columns.ARTIFACT)).where(
        art.c.ws == _p("ws"), art.c.id == _p("id")
    ),
    "artifact.lock": select(*_pick(art, columns.ARTIFACT))
    .where(art.c.id == _p("id"))
    .with_for_update(),
    "artifact.read_latest": select(*_pick(art, columns.ARTIFACT))
    .join(coll, coll.c.latest_id == art.c.id)
    .where(coll.c.ws == _p("ws"), coll.c.key == _p("key")),
    "artifact.find_before": select(art.c.id, art.c.created_at)
    .where(art.c.ws == _p("ws"), art.c.key == _p("key"), art.c.key.is_not(None))
    .order_by(art.c.created_at.desc(), art.c.id.desc())
    .limit(_ONE)
    .offset(_START),
    "artifact.change": update(art)
    .where(art.c.id == _p("artifact_id"))
    .values(
        data=_p("data"),
        description=_p("description"),
        metadata=_p("metadata"),
        updated_at=_p("now"),
    ),
    "artifact.delete": delete(art).where(art.c.id == _p("id")),
    "artifact_collection.advance": update(coll)
    .where(
        coll.c.ws == _p("ws"),
        coll.c.key == _p("key"),
        tuple_(coll.c.latest_at, coll.c.latest_id)
        < tuple_(_p("at"), bindparam("latest", type_=s.Uid)),
    )
    .values(latest_id=_p("latest"), latest_at=_p("at")),
    "artifact_collection.point": update(coll)
    .where(coll.c.ws == _p("ws"), coll.c.latest_id == _p("before"), coll.c.key == _p("key"))
    .values(latest_id=_p("latest"), latest_at=_p("at")),
    "artifact_collection.delete": delete(coll).where(
        coll.c.ws == _p("ws"), coll.c.key == _p("key"), coll.c.latest_id == _p("before")
    ),
    "concurrency_limit.find": _LIMIT.where(limit.c.ws == _p("ws"), limit.c.name == _p("name")),
    "concurrency_limit.read": _LIMIT.where(limit.c.ws == _p("ws"), limit.c.id == _p("id")),
    "concurrency_limit.list": _LIMIT.where(
        limit.c.ws == _p("ws"), limit.c.name.between(_p("first"), _p("last"))
    )
    .order_by(limit.c.name)
    .limit(bindparam("count"))
    .offset(bindparam("skipped")),
    "concurrency_limit.change": update(limit)
    .where(limit.c.id == _p("limit_id"))
    .values(
        name=_p("name"),
        slots=_p("slots"),
        active=_p("active"),
        slot_decay_per_second=_p("decay"),
        used=_p("used"),
        used_at=_p("at"),
        updated_at=_p("now"),
    ),
    "concurrency_limit.use": update(limit)
    .where(limit.c.id == _p("limit_id"))
    .values(used=_p("used"), used_at=_p("at")),
    "concurrency_limit.delete": delete(limit).where(limit.c.id == _p("id")),
    "saved_search.read": _SAVED.where(saved.c.id == _p("id")),
    "saved_search.lock": _SAVED.where(saved.c.name == _p("name")).with_for_update(),
    "saved_search.list": _SAVED.order_by(saved.c.name)
    .limit(bindparam("count"))
    .offset(bindparam("skipped")),
    "saved_search.change": update(saved)
    .where(saved.c.id == _p("saved_search_id"))
    .values(filters=_p("filters"), updated_at=_p("now")),
    "saved_search.delete": delete(saved).where(saved.c.ws == _p("ws"), saved.c.id == _p("id")),
    "slot.enter": select(limit.c.id)
    .where(limit.c.ws == _HERE)
    .order_by(limit.c.name)
    .limit(_ONE)
    .offset(_START)
    .with_for_update(),
    "slot.line": select(lease.c.grant_id, lease.c.slots, lease.c.asked_at)
    .where(
        lease.c.ws == _HERE,
        lease.c.kind == _WAITING,
        lease.c.subject == _p("subject"),
        lease.c.grant_id.is_not(None),
    )
    .order_by(lease.c.asked_at, lease.c.grant_id)
    .limit(_PAGE)
    .offset(_START),
    "slot.list_runs": select(lease.c.run_id)
    .where(lease.c.ws == _HERE, lease.c.kind == _HELD, lease.c.subject == _p("subject"))
    .order_by(lease.c.asked_at, lease.c.grant_id),
    "slot.list_beyond": select(lease.c.grant_id, lease.c.asked_at).where(
        lease.c.ws == _HERE,
        lease.c.kind == _HELD,
        lease.c.subject == _p("subject"),
        lease.c.expires_at > _p("until"),
    ),
    "slot.renew": update(lease)
    .where(lease.c.grant_id == _p("grant"))
    .values(expires_at=_p("until")),
    "slot.list_expired": select(lease.c.grant_id, lease.c.holder_writer)
    .where(lease.c.expires_at < _p("now"), lease.c.grant_id.is_not(None))
    .order_by(lease.c.expires_at),
    "slot.delete_of_limit": delete(lease).where(
        lease.c.ws == _HERE,
        or_(lease.c.kind == _HELD, lease.c.kind == _WAITING),
        lease.c.subject == _p("subject"),
    ),
    "slot.delete_held": delete(lease).where(
        lease.c.ws == _HERE, lease.c.kind == _HELD, lease.c.subject == _p("subject")
    ),
}

BY_IDS: dict[str, Executable] = {
    "concurrency_limit.standing": _LIMIT.where(limit.c.id.in_(_IDS))
    .order_by(limit.c.id)
    .with_for_update(),
    "slot.held": select(lease.c.subject, func.sum(lease.c.slots))
    .where(lease.c.ws == _HERE, lease.c.kind == _HELD, lease.c.subject.in_(_IDS))
    .group_by(lease.c.subject),
    "slot.linked": select(_other.c.subject)
    .distinct()
    .join(lease, lease.c.grant_id == _other.c.grant_id)
    .where(lease.c.ws == _HERE, lease.c.kind == _WAITING, lease.c.subject.in_(_IDS)),
    "slot.of_grants": select(*_pick(lease, columns.GRANT)).where(lease.c.grant_id.in_(_IDS)),
    "slot.of_holders": select(lease.c.grant_id).where(
        lease.c.holder_writer.in_(_IDS), lease.c.grant_id.is_not(None)
    ),
    "slot.hand_over": update(lease).where(lease.c.grant_id.in_(_IDS)).values(kind=_HELD),
    "slot.delete_of_grants": delete(lease).where(lease.c.grant_id.in_(_IDS)),
}

CREATED: dict[Table, tuple[str, ...]] = {
    saved: columns.SAVED_SEARCH_CREATE,
    s.deployment: columns.DEPLOYMENT_CREATE,
    s.work_pool: columns.WORK_POOL_CREATE,
    s.work_queue: columns.WORK_QUEUE_CREATE,
    s.worker: columns.WORKER_CREATE,
    given: columns.INPUT_CREATE,
    var: columns.VARIABLE_CREATE,
    art: columns.ARTIFACT_CREATE,
    coll: columns.COLLECTION_CREATE,
    limit: columns.LIMIT_CREATE,
}
"""What is inserted into the tables of objects; rows that exist already are left as they are."""
