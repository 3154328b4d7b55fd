"""Runs that are to be started, in the order of their times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from legato._model.filters import TimeFilter
from legato._model.flow_runs import FlowRun
from legato._store import columns, decode, sql
from legato._store.port import Transaction
from legato._store.queries import conditions as c
from legato._store.sql import Sql

_RUNS: LiteralString = f"SELECT {sql.listed('flow_run', columns.FLOW_RUN)} FROM flow_run WHERE"
_WAITING: LiteralString = "flow_run.state_type = 'SCHEDULED'"
_HELD: LiteralString = (
    "EXISTS (SELECT 1 FROM attempt WHERE attempt.flow_run_id = flow_run.id "
    "AND attempt.closed_at IS NULL)"
)
_RETRIED = '%"retry_type":"in_process"%'
"""In the policy of a run whose process goes on with it: waits for its next try."""


class Span(NamedTuple):
    """When runs are due, both ends included."""

    after: datetime | None = None
    before: datetime | None = None


def _due(span: Span) -> Sql:
    """Nobody has the run, and its time has come."""
    timed = c.timed(
        "flow_run.next_scheduled_at",
        TimeFilter(after_=span.after, before_=span.before, is_null_=False),
    )
    kept = Sql("flow_run.policy IS NULL OR flow_run.policy NOT LIKE ?", (_RETRIED,))
    free = [sql.any_of([kept]), Sql(f"NOT {_HELD}")]
    return sql.all_of([Sql(_WAITING), *([] if timed is None else [timed]), *free])


def queues(tx: Transaction, pool_id: UUID, span: Span) -> set[UUID]:
    """Return the queues of a pool that have such runs."""
    found, values = _due(span)
    some: LiteralString = f"flow_run.work_queue_id = work_queue.id AND {found}"
    head: LiteralString = "SELECT work_queue.id FROM work_queue WHERE work_queue.work_pool_id = ?"
    there = Sql(f"AND EXISTS (SELECT 1 FROM flow_run WHERE {some})", values)
    return {decode.uid(row[0]) for row in tx.select(Sql(head, (pool_id,)).then(there))}


def of_queue(tx: Transaction, queue_id: UUID, span: Span, limit: int) -> list[FlowRun]:
    """Return the first runs of a queue that are due."""
    return _first(tx, Sql("flow_run.work_queue_id = ?", (queue_id,)), span, limit)


def of_deployments(
    tx: Transaction, deployment_ids: Sequence[UUID], span: Span, limit: int
) -> list[FlowRun]:
    """Return the first runs of deployments that are due."""
    return _first(tx, sql.is_in("flow_run.deployment_id", deployment_ids), span, limit)


def _first(tx: Transaction, place: Sql, span: Span, limit: int) -> list[FlowRun]:
    order = Sql("ORDER BY flow_run.next_scheduled_at, flow_run.id LIMIT ?", (limit,))
    query = Sql(_RUNS).then(sql.all_of([place, _due(span)]), order)
    return [decode.flow_run(row) for row in tx.select(query)]
