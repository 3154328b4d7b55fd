"""Pages and counts of each noun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, UnaryExpression, func, literal, select, tuple_

from legato._model import filters as f
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.flow_runs import FlowRun
from legato._model.flows import Flow
from legato._model.logs import Log
from legato._model.operations.spec import LIMIT
from legato._model.task_runs import TaskRun
from legato._store import columns, decode, schema
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries import nouns

T = TypeVar("T")
Order = Sequence[Any]
flow, run, task, log = schema.flow, schema.flow_run, schema.task_run, schema.log

_RUN_ORDERS = {
    "ID_DESC": ("id", "desc"),
    "START_TIME_ASC": ("sort_at", "asc"),
    "START_TIME_DESC": ("sort_at", "desc"),
    "EXPECTED_START_TIME_ASC": ("expected_at", "asc"),
    "EXPECTED_START_TIME_DESC": ("expected_at", "desc"),
    "NAME_ASC": ("name", "asc"),
    "NAME_DESC": ("name", "desc"),
    "NEXT_SCHEDULED_START_TIME_ASC": ("next_scheduled_at", "asc"),
    "END_TIME_DESC": ("end_at", "desc"),
}
_MISSING = {"next_scheduled_at", "end_at"}
"""Columns without a value in some rows; these come last in both databases."""

_FLOW_ORDERS: dict[str, UnaryExpression[Any]] = {
    "CREATED_DESC": flow.c.created_at.desc(),
    "UPDATED_DESC": flow.c.updated_at.desc(),
    "NAME_ASC": flow.c.name.asc(),
    "NAME_DESC": flow.c.name.desc(),
}


def page(tx: Transaction, query: Any, limit: int | None, offset: int) -> list[tuple[Any, ...]]:
    """Return a page of at most 200 rows."""
    count = LIMIT if limit is None else limit
    if not 0 <= count <= LIMIT:
        raise InvalidRequest(f"Invalid limit: must be between 0 and {LIMIT}, but is {limit}.")
    if offset < 0:
        raise InvalidRequest(f"Invalid offset: must not be negative, but is {offset}.")
    return tx.select(query.limit(count).offset(offset))


def _ordered(table: Table, sort: str) -> Order:
    """Return the columns to order runs by; the id decides among equals."""
    name, direction = _RUN_ORDERS[sort]
    columns = [table.c[name]] if name == "id" else [table.c[name], table.c.id]
    order = [column.desc() if direction == "desc" else column.asc() for column in columns]
    return [by.nulls_last() for by in order] if name in _MISSING else order


def _after(tx: Transaction, table: Table, request: Any) -> list[Any]:
    """The condition on what comes after the run that the page before ended with."""
    if request.after is None:
        return []
    name, direction = _RUN_ORDERS[request.sort.value]
    if name in _MISSING:
        raise InvalidRequest(f"after: not with {request.sort.value}, which takes an offset.")
    rows = tx.select(select(table.c[name]).where(table.c.id == request.after))
    if not rows:
        raise ObjectNotFound(f"after: There is no run {request.after}.")
    if name == "id":
        return [table.c.id < request.after]
    here = tuple_(table.c[name], table.c.id)
    there = tuple_(literal(rows[0][0]), literal(request.after, table.c.id.type))
    return [here < there if direction == "desc" else here > there]


def _picked(table: Table, names: Sequence[str]) -> Any:
    return select(*(table.c[name] for name in names)).where(table.c.ws == DEFAULT_WORKSPACE)


def _count(tx: Transaction, table: Table, conditions: list[Any]) -> int:
    query = select(func.count()).select_from(table).where(table.c.ws == DEFAULT_WORKSPACE)
    ((found,),) = tx.select(query.where(*conditions))
    return int(found)


def flows(tx: Transaction, request: Any) -> list[Flow]:
    """List flows."""
    query = _picked(flow, columns.FLOW).where(*nouns.related("flows", request))
    query = query.order_by(_FLOW_ORDERS[request.sort.value], flow.c.id)
    return [decode.flow(row) for row in page(tx, query, request.limit, request.offset)]


def flow_runs(tx: Transaction, request: Any) -> list[FlowRun]:
    """List flow runs."""
    query = _picked(run, columns.FLOW_RUN).where(*nouns.related("flow_runs", request))
    query = query.where(*_after(tx, run, request)).order_by(*_ordered(run, request.sort.value))
    return [decode.flow_run(row) for row in page(tx, query, request.limit, request.offset)]


def task_runs(tx: Transaction, request: Any) -> list[TaskRun]:
    """List task runs."""
    query = _picked(task, columns.TASK_RUN).where(*nouns.related("task_runs", request))
    query = query.where(*_after(tx, task, request)).order_by(*_ordered(task, request.sort.value))
    return [decode.task_run(row) for row in page(tx, query, request.limit, request.offset)]


def logs(tx: Transaction, request: Any) -> list[Log]:
    """List log lines, in the order of their times; lines of one writer keep their order."""
    query = _picked(log, columns.LOG)
    condition = nouns.logs(request.logs)
    if condition is not None:
        query = query.where(condition)
    if request.sort is f.LogSort.TIMESTAMP_DESC:
        query = query.order_by(log.c.at.desc(), log.c.writer_id, log.c.seq.desc())
    else:
        query = query.order_by(log.c.at.asc(), log.c.writer_id, log.c.seq.asc())
    return [decode.log(row) for row in page(tx, query, request.limit, request.offset)]


def count(tx: Transaction, noun: str, request: Any) -> int:
    """Count flows, flow_runs or task_runs."""
    table = {"flows": flow, "flow_runs": run, "task_runs": task}[noun]
    return _count(tx, table, nouns.related(noun, request))
