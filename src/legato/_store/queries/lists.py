"""Pages and counts of each noun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.flow_runs import FlowRun
from legato._model.flows import Flow
from legato._model.logs import Log
from legato._model.operations.lists import bounds
from legato._model.task_runs import TaskRun
from legato._store import columns, decode, sql
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries import nouns
from legato._store.sql import Sql

Direction = tuple[LiteralString, LiteralString]

_RUN_ORDERS: dict[str, Direction] = {
    "ID_DESC": ("id", "DESC"),
    "START_TIME_ASC": ("sort_at", "ASC"),
    "START_TIME_DESC": ("sort_at", "DESC"),
    "EXPECTED_START_TIME_ASC": ("expected_at", "ASC"),
    "EXPECTED_START_TIME_DESC": ("expected_at", "DESC"),
    "NAME_ASC": ("name", "ASC"),
    "NAME_DESC": ("name", "DESC"),
    "NEXT_SCHEDULED_START_TIME_ASC": ("next_scheduled_at", "ASC"),
    "END_TIME_DESC": ("end_at", "DESC"),
}
_MISSING = {"next_scheduled_at", "end_at"}
"""Columns without a value in some rows; these come last in both databases."""

_FLOW_ORDERS: dict[str, LiteralString] = {
    "CREATED_DESC": "flow.created_at DESC, flow.id",
    "UPDATED_DESC": "flow.updated_at DESC, flow.id",
    "NAME_ASC": "flow.name ASC, flow.id",
    "NAME_DESC": "flow.name DESC, flow.id",
}
_TABLES: dict[str, LiteralString] = {
    "flows": "flow",
    "flow_runs": "flow_run",
    "task_runs": "task_run",
}
_LOG_ORDERS: dict[str, LiteralString] = {
    "TIMESTAMP_ASC": "log.at ASC, log.writer_id, log.seq ASC",
    "TIMESTAMP_DESC": "log.at DESC, log.writer_id, log.seq DESC",
}


def page(tx: Transaction, query: Sql, order: LiteralString, request: Any) -> list[tuple[Any, ...]]:
    """Return a page of at most 200 rows."""
    count, skipped = bounds(request.limit, request.offset)
    part = Sql(f"ORDER BY {order} LIMIT ? OFFSET ?", (count, skipped))
    return tx.select(query.then(part))


def counted(tx: Transaction, source: LiteralString, conditions: Sequence[Sql]) -> int:
    """Return how many rows there are."""
    head = Sql(f"SELECT count(*) FROM {source} WHERE")
    ((found,),) = tx.select(head.then(sql.all_of(conditions)))
    return int(found)


def of_workspace(table: LiteralString) -> Sql:
    """The rows that this request may see."""
    return Sql(f"{table}.ws = ?", (DEFAULT_WORKSPACE,))


def _picked(table: LiteralString, names: Sequence[LiteralString], conditions: Sequence[Sql]) -> Sql:
    head = Sql(f"SELECT {sql.listed(table, names)} FROM {table} WHERE")
    return head.then(sql.all_of([of_workspace(table), *conditions]))


def _ordered(table: LiteralString, sort: str) -> LiteralString:
    """Return the order of runs; the id decides among equals."""
    name, direction = _RUN_ORDERS[sort]
    last: LiteralString = " NULLS LAST" if name in _MISSING else ""
    by_id: LiteralString = f"{table}.id {direction}{last}"
    return by_id if name == "id" else f"{table}.{name} {direction}{last}, {by_id}"


def _after(tx: Transaction, table: LiteralString, request: Any) -> list[Sql]:
    """The condition on what comes after the run that the page before ended with."""
    if request.after is None:
        return []
    name, direction = _RUN_ORDERS[request.sort.value]
    if name in _MISSING:
        raise InvalidRequest(f"after: not with {request.sort.value}, which takes an offset.")
    run = Sql(f"SELECT {table}.{name} FROM {table} WHERE {table}.id = ?", (request.after,))
    rows = tx.select(run)
    if not rows:
        raise ObjectNotFound(f"after: There is no run {request.after}.")
    if name == "id":
        return [Sql(f"{table}.id < ?", (request.after,))]
    sign: LiteralString = "<" if direction == "DESC" else ">"
    there = (rows[0][0], request.after)
    return [Sql(f"({table}.{name}, {table}.id) {sign} (?, ?)", there)]


def flows(tx: Transaction, request: Any) -> list[Flow]:
    """List flows."""
    query = _picked("flow", columns.FLOW, nouns.related("flows", request))
    rows = page(tx, query, _FLOW_ORDERS[request.sort.value], request)
    return [decode.flow(row) for row in rows]


def flow_runs(tx: Transaction, request: Any) -> list[FlowRun]:
    """List flow runs."""
    conditions = [*nouns.related("flow_runs", request), *_after(tx, "flow_run", request)]
    query = _picked("flow_run", columns.FLOW_RUN, conditions)
    rows = page(tx, query, _ordered("flow_run", request.sort.value), request)
    return [decode.flow_run(row) for row in rows]


def task_runs(tx: Transaction, request: Any) -> list[TaskRun]:
    """List task runs."""
    conditions = [*nouns.related("task_runs", request), *_after(tx, "task_run", request)]
    query = _picked("task_run", columns.TASK_RUN, conditions)
    rows = page(tx, query, _ordered("task_run", request.sort.value), request)
    return [decode.task_run(row) for row in rows]


def logs(tx: Transaction, request: Any) -> list[Log]:
    """List log lines, in the order of their times; lines of one writer keep their order."""
    condition = nouns.logs(request.logs)
    query = _picked("log", columns.LOG, [] if condition is None else [condition])
    rows = page(tx, query, _LOG_ORDERS[request.sort.value], request)
    return [decode.log(row) for row in rows]


def count(tx: Transaction, noun: str, request: Any) -> int:
    """Count flows, flow_runs or task_runs."""
    table = _TABLES[noun]
    return counted(tx, table, [of_workspace(table), *nouns.related(noun, request)])
