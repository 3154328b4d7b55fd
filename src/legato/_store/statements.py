"""The statements that are compiled ahead, as SQLAlchemy Core; `scripts/generate` reads this.

`QUERIES` run with parameters by name, `BY_IDS` with a list of ids, `MANY` insert rows in the
given column order, `CHANGES` update rows by key where the version, say, is still the expected one.
Not imported when Legato runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union,
    update,
)

from legato._store import (
    ahead_statements,
    columns,
    duty_statements,
    event_columns,
    lease_statements,
    object_columns,
    object_statements,
    result_statements,
)
from legato._store import schema as s
from legato._store.port import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from sqlalchemy.sql.base import Executable


class Many(NamedTuple):
    """Insert rows; with `ignore` those that exist already are left as they are."""

    table: Table
    columns: tuple[str, ...]
    ignore: bool = False
    fixed: tuple[columns.Fixed, ...] = ({},)
    """For each of the rows that belong together, the columns that have one value always."""


class Change(NamedTuple):
    """Update rows: the values are those of `key`, then of `columns`."""

    table: Table
    columns: tuple[str, ...]
    key: tuple[str, str] = ("id", "version")


def _pick(table: Table, names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]


def _p(name: str) -> ColumnElement[Any]:
    return bindparam(name)


fr, tr, at, w = s.flow_run, s.task_run, s.attempt, s.writer
arrival = s.log_arrival

_WHOLE = select(*_pick(fr, columns.FLOW_RUN))
_LATEST = fr.outerjoin(at, and_(at.c.flow_run_id == fr.c.id, at.c.number == fr.c.epoch))
_OWNED = (
    select(
        fr.c.id,
        *_pick(fr, columns.STANDING),
        *_pick(fr, columns.OWNED),
        at.c.writer_id,
        at.c.closed_at,
        at.c.cause,
        at.c.first_number,
    )
    .select_from(_LATEST)
    .order_by(fr.c.id)
    .with_for_update(of=fr)
)
_OWNER = (
    select(fr.c.id, fr.c.epoch, at.c.closed_at, at.c.cause, at.c.first_number)
    .select_from(_LATEST)
    .order_by(fr.c.id)
    .with_for_update(of=fr)
)
_TASK = select(*_pick(tr, columns.TASK_OWNED), *_pick(tr, columns.STANDING)).order_by(tr.c.id)


_NONE_SKIPPED: ColumnElement[int] = literal_column("0")
"""Written out, as SQLite's dialect would bind it."""


def _tree() -> Any:
    """A flow run and all runs below it."""
    tree = select(_p("id").cast(s.Uid).label("id")).cte("tree", recursive=True)
    child = fr.alias("child")
    below = (
        select(child.c.id)
        .select_from(tree)
        .join(tr, tr.c.flow_run_id == tree.c.id)
        .join(child, child.c.parent_task_run_id == tr.c.id)
    )
    return select(tree.union(below).c.id)


def _between(query: Select[Any], table: Table) -> Executable:
    """Rows of the ordered log behind one position and up to another."""
    position = table.c.position
    return (
        query.where(position > _p("after"), position <= _p("upto"))
        .order_by(position)
        .limit(bindparam("limit", type_=Integer))
        .offset(_NONE_SKIPPED)
    )


QUERIES: dict[str, Executable] = {
    "meta.read": select(
        s.meta.c.schema, s.meta.c.min_writer, s.meta.c.min_reader, s.meta.c.next_position
    ),
    "meta.draw": update(s.meta).values(next_position=bindparam("next", type_=BigInteger)),
    "meta.next_position": select(s.meta.c.next_position),
    "meta.retained_after": select(s.meta.c.retained_after),
    "meta.retain_after": update(s.meta)
    .where(s.meta.c.retained_after < _p("position"))
    .values(retained_after=_p("position")),
    "writer.read": select(w.c.last_seq).where(w.c.id == _p("id")).with_for_update(),
    "writer.look": select(w.c.last_seq).where(w.c.id == _p("id")),
    "writer.blame": update(w)
    .where(w.c.id == _p("writer_id"))
    .values(quarantined=w.c.quarantined + _p("count")),
    "writer.note_environment": update(w)
    .where(w.c.id == _p("writer_id"))
    .values(environment_id=_p("environment_id")),
    "environment.of_writer": select(s.environment.c.body)
    .join(w, w.c.environment_id == s.environment.c.id)
    .where(w.c.id == _p("writer_id")),
    "quarantine.count": select(func.count()).where(
        s.quarantine.c.writer_id == _p("writer_id"),
        s.quarantine.c.seq.between(_p("first"), _p("last")),
    ),
    "writer.list_open": select(*_pick(w, columns.WRITER))
    .where(
        w.c.lease_us.is_(None),
        w.c.id.in_(
            union(
                select(at.c.writer_id).where(at.c.closed_at.is_(None)),
                select(tr.c.writer_id).where(tr.c.end_at.is_(None)),
                select(s.lease.c.holder_writer),
                select(s.ahead.c.writer_id),
            )
        ),
    )
    .order_by(w.c.id),
    "flow.find": select(*_pick(s.flow, columns.FLOW)).where(
        s.flow.c.ws == _p("ws"), s.flow.c.name == _p("name")
    ),
    "flow.read": select(*_pick(s.flow, columns.FLOW)).where(
        s.flow.c.ws == _p("ws"), s.flow.c.id == _p("id")
    ),
    "flow.delete": delete(s.flow).where(s.flow.c.id == _p("id")),
    "flow_run.list_of_flow": select(fr.c.id).where(
        fr.c.ws == _p("ws"), fr.c.flow_id == _p("flow_id")
    ),
    "flow_run.read": _WHOLE.where(fr.c.ws == _p("ws"), fr.c.id == _p("id")),
    "flow_run.find_by_key": select(fr.c.id).where(
        fr.c.ws == _p("ws"),
        fr.c.flow_id == _p("flow_id"),
        fr.c.idempotency_key == _p("idempotency_key"),
    ),
    "flow_run.list_open": select(fr.c.id)
    .join(at, and_(at.c.flow_run_id == fr.c.id, at.c.number == fr.c.epoch))
    .where(at.c.writer_id == _p("writer_id"), at.c.closed_at.is_(None), fr.c.end_at.is_(None))
    .order_by(fr.c.id),
    "flow_run.list_tree": _tree(),
    "flow_run_state.find": select(*_pick(s.flow_run_state, columns.FLOW_RUN_STATE))
    .where(s.flow_run_state.c.state_id == _p("state_id"))
    .order_by(s.flow_run_state.c.position),
    "flow_run_state.list": select(*_pick(s.flow_run_state, columns.FLOW_RUN_STATE))
    .where(s.flow_run_state.c.flow_run_id == _p("run_id"), s.flow_run_state.c.version.is_not(None))
    .order_by(s.flow_run_state.c.version),
    "flow_run_state.list_between": _between(
        select(*_pick(s.flow_run_state, columns.FLOW_RUN_STATE)), s.flow_run_state
    ),
    "task_run_state.list_between": _between(
        select(*_pick(s.task_run_state, columns.TASK_RUN_STATE), tr.c.flow_run_id).select_from(
            s.task_run_state.outerjoin(tr, tr.c.id == s.task_run_state.c.task_run_id)
        ),
        s.task_run_state,
    ),
    "event.list_between": _between(select(*_pick(s.event, event_columns.EVENT)), s.event),
    "task_run_state.list": select(
        *_pick(s.task_run_state, columns.TASK_RUN_STATE), tr.c.flow_run_id
    )
    .join(tr, tr.c.id == s.task_run_state.c.task_run_id)
    .where(s.task_run_state.c.task_run_id == _p("run_id"), s.task_run_state.c.version.is_not(None))
    .order_by(s.task_run_state.c.version),
    "attempt.list_of_flow_run": select(*_pick(at, columns.ATTEMPT))
    .where(at.c.flow_run_id == _p("flow_run_id"))
    .order_by(at.c.number),
    "attempt.list": select(*_pick(at, columns.ATTEMPT))
    .where(at.c.flow_run_id == _p("run_id"))
    .order_by(at.c.number),
    "task_run.read": select(*_pick(tr, columns.TASK_RUN)).where(
        tr.c.ws == _p("ws"), tr.c.id == _p("id")
    ),
    "task_run.find_step": select(tr.c.id).where(
        tr.c.flow_run_id == _p("flow_run_id"),
        tr.c.dynamic_key == _p("dynamic_key"),
        tr.c.task_key == _p("task_key"),
        tr.c.epoch == literal_column("0"),
    ),
    "task_run.find_alone": select(tr.c.id).where(
        tr.c.flow_run_id.is_(None),
        tr.c.dynamic_key == _p("dynamic_key"),
        tr.c.task_key == _p("task_key"),
        tr.c.epoch == literal_column("0"),
    ),
    "task_run.follow_flow_run": update(tr)
    .where(tr.c.id == _p("task_run_id"))
    .values(flow_run_run_count=_p("count")),
    "task_run.stand_for": update(tr)
    .where(tr.c.id == _p("task_run_id"))
    .values(child_flow_run_id=_p("flow_run_id")),
    "task_run.list_live": select(tr.c.id).where(
        tr.c.end_at.is_(None), tr.c.writer_id == _p("writer_id")
    ),
    "task_run.list_of_flow_run": select(*_pick(tr, columns.TASK_RUN))
    .where(tr.c.flow_run_id == _p("flow_run_id"))
    .order_by(tr.c.created_at, tr.c.id),
    "lease.count": select(func.count()).where(
        s.lease.c.ws == _p("ws"),
        s.lease.c.kind == _p("kind"),
        s.lease.c.subject == _p("subject"),
        s.lease.c.expires_at > _p("now"),
    ),
    "lease.list_expired": select(*_pick(s.lease, columns.LEASE))
    .where(s.lease.c.expires_at <= _p("now"), s.lease.c.grant_id.is_(None))
    .order_by(s.lease.c.expires_at)
    .limit(bindparam("limit", type_=Integer))
    .offset(_NONE_SKIPPED)
    .with_for_update(skip_locked=True),
    "log_arrival.list_between": _between(select(*_pick(arrival, ("position", "size"))), arrival),
    "log.list_arrived": select(arrival.c.position, *_pick(s.log, columns.LOG))
    .select_from(
        arrival.join(
            s.log,
            and_(
                s.log.c.flow_run_id == arrival.c.flow_run_id,
                s.log.c.writer_id == arrival.c.writer_id,
                s.log.c.seq >= arrival.c.first_seq,
                s.log.c.seq <= arrival.c.last_seq,
            ),
        )
    )
    .where(arrival.c.position > _p("after"), arrival.c.position <= _p("upto"))
    .order_by(arrival.c.position, arrival.c.flow_run_id, arrival.c.writer_id, s.log.c.seq),
    "log.list": select(*_pick(s.log, columns.LOG))
    .where(s.log.c.flow_run_id == _p("flow_run_id"))
    .order_by(s.log.c.at, s.log.c.seq),
    "task_run.list_steps": select(*_pick(tr, columns.STEP))
    .where(tr.c.flow_run_id == _p("flow_run_id"))
    .order_by(tr.c.id),
    "task_run.read_result": select(
        *_pick(tr, ("id", "flow_run_id", "result_body", "state_at"))
    ).where(tr.c.id == _p("id"), tr.c.result_body.is_not(None)),
    "flow_run.count_states": select(tr.c.state_type, func.count())
    .where(tr.c.flow_run_id == _p("flow_run_id"))
    .group_by(tr.c.state_type),
    **ahead_statements.QUERIES,
    **lease_statements.QUERIES,
    **duty_statements.QUERIES,
    **object_statements.QUERIES,
    **result_statements.QUERIES,
}

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)


def _of(table: Table, column: str) -> Executable:
    return delete(table).where(table.c[column].in_(_IDS))


def _of_tasks(table: Table, column: str) -> Executable:
    tasks = select(tr.c.id).where(tr.c.flow_run_id.in_(_IDS))
    return delete(table).where(table.c[column].in_(tasks))


BY_IDS: dict[str, Executable] = {
    "flow_run.standing": _OWNED.where(fr.c.id.in_(_IDS)),
    "flow_run.owner": _OWNER.where(fr.c.id.in_(_IDS)),
    "task_run.standing": _TASK.where(tr.c.id.in_(_IDS)).with_for_update(),
    "task_run.list_live_of_flow_runs": select(tr.c.id).where(
        tr.c.end_at.is_(None), tr.c.flow_run_id.in_(_IDS)
    ),
    "task_run_state.list_ids": select(s.task_run_state.c.state_id).where(
        s.task_run_state.c.task_run_id.in_(_IDS)
    ),
    "event.known": select(s.event.c.event_id).where(
        s.event.c.ws == literal_column(str(DEFAULT_WORKSPACE)), s.event.c.event_id.in_(_IDS)
    ),
    "writer.standing": select(w.c.id, w.c.last_seq)
    .where(w.c.id.in_(_IDS))
    .order_by(w.c.id)
    .with_for_update(),
    "lease.standing": select(*_pick(s.lease, columns.LEASE))
    .where(s.lease.c.id.in_(_IDS))
    .order_by(s.lease.c.id)
    .with_for_update(),
    "lease.delete": _of(s.lease, "id"),
    "lease.delete_of_writers": _of(s.lease, "holder_writer"),
    "task_run_state.delete_of_flow_runs": _of_tasks(s.task_run_state, "task_run_id"),
    "flow_run_state.delete_of_flow_runs": _of(s.flow_run_state, "flow_run_id"),
    "task_run_tag.delete_of_flow_runs": _of_tasks(s.task_run_tag, "run_id"),
    "flow_run_tag.delete_of_flow_runs": _of(s.flow_run_tag, "run_id"),
    "flow_run_input.delete_of_flow_runs": _of(s.flow_run_input, "flow_run_id"),
    "log.delete_of_flow_runs": _of(s.log, "flow_run_id"),
    "task_run_cache.delete_of_flow_runs": _of_tasks(s.task_run_cache, "task_run_id"),
    "result.delete_of_flow_runs": _of(s.result, "flow_run_id"),
    "attempt.delete_of_flow_runs": _of(s.attempt, "flow_run_id"),
    "quarantine.delete_of_flow_runs": _of(s.quarantine, "flow_run_id"),
    "task_run.delete_of_flow_runs": _of(s.task_run, "flow_run_id"),
    "flow_run.delete_of_flow_runs": _of(s.flow_run, "id"),
    "task_run_state.delete_of_task_runs": _of(s.task_run_state, "task_run_id"),
    "task_run_cache.delete_of_task_runs": _of(s.task_run_cache, "task_run_id"),
    "task_run_tag.delete_of_task_runs": _of(s.task_run_tag, "run_id"),
    "task_run.delete_of_task_runs": _of(s.task_run, "id"),
    **lease_statements.BY_IDS,
    **duty_statements.BY_IDS,
    **object_statements.BY_IDS,
    **result_statements.BY_IDS,
}

MANY: dict[str, Many] = {
    "writer.create": Many(w, columns.WRITER, ignore=True),
    "environment.create": Many(s.environment, ("id", "body"), ignore=True),
    "flow.create": Many(s.flow, columns.FLOW_CREATE, ignore=True),
    "flow_run.create": Many(fr, columns.FLOW_RUN_CREATE),
    "flow_run_state.create": Many(s.flow_run_state, columns.FLOW_RUN_STATE_CREATE),
    "flow_run_tag.create": Many(s.flow_run_tag, columns.TAG, ignore=True),
    "attempt.create": Many(at, columns.ATTEMPT_CREATE),
    "task_run.create": Many(tr, columns.TASK_RUN_CREATE),
    "task_run.create_whole": Many(tr, columns.TASK_RUN_CREATE_WHOLE),
    "task_run.create_lived": Many(tr, columns.TASK_RUN_CREATE, fixed=(columns.LIVED,)),
    "task_run_state.create_lived": Many(
        s.task_run_state, columns.TASK_RUN_STATE_CREATE, fixed=columns.LIFE
    ),
    "task_run_state.create": Many(s.task_run_state, columns.TASK_RUN_STATE_CREATE),
    "task_run_tag.create": Many(s.task_run_tag, columns.TAG, ignore=True),
    "event.create": Many(s.event, event_columns.EVENT_CREATE, ignore=True),
    "event_label.create": Many(s.event_label, event_columns.LABEL_CREATE, ignore=True),
    "event_resource.create": Many(s.event_resource, event_columns.RESOURCE_CREATE, ignore=True),
    "lease.create": Many(s.lease, columns.LEASE_CREATE),
    "lease.hold": Many(s.lease, columns.LEASE_CREATE, ignore=True),
    "log_arrival.create": Many(arrival, columns.LOG_ARRIVAL),
    "log.create": Many(s.log, columns.LOG_CREATE, ignore=True),
    "cache_entry.create": Many(s.cache_entry, columns.CACHE_ENTRY),
    "task_run_cache.create": Many(s.task_run_cache, columns.CACHE_LOOKUP_CREATE, ignore=True),
    "result_part.create": Many(s.result_part, columns.RESULT_PART, ignore=True),
    "result.create": Many(s.result, columns.RESULT_CREATE, ignore=True),
    "tally_count.create": Many(s.tally_count, columns.TALLY_COUNT),
    "quarantine.create": Many(s.quarantine, columns.QUARANTINE, ignore=True),
    **{
        f"{table.name}.create": Many(table, names, ignore=True)
        for table, names in object_statements.CREATED.items()
    },
    "slot.create": Many(s.lease, object_columns.LEASE),
    "timer.create": Many(s.timer, columns.TIMER_CREATE, ignore=True),
    "lease.offer": Many(s.lease, columns.LEASE_CREATE, ignore=True),
}

CHANGES: dict[str, Change] = {
    "flow_run.advance": Change(fr, columns.RUN_ADVANCE),
    "flow_run.change": Change(fr, columns.RUN_CHANGE),
    "flow_run.attach": Change(fr, columns.PARENT),
    "task_run.advance": Change(tr, columns.RUN_ADVANCE),
    "task_run.change": Change(tr, columns.RUN_CHANGE),
    "task_run.rename": Change(tr, columns.NAME),
    "task_run.keep": Change(tr, columns.RESULT_BODY),
    "attempt.close": Change(at, columns.ATTEMPT_CLOSE, key=("flow_run_id", "number")),
    "writer.advance": Change(w, columns.WRITER_ADVANCE, key=("id", "last_seq")),
    "lease.renew": Change(s.lease, columns.LEASE_CHANGE, key=("id", "epoch")),
}
