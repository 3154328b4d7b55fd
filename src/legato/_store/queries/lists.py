"""Pages and counts of each noun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from msgspec.structs import replace

from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.flow_runs import FlowRun
from legato._model.flows import Flow
from legato._model.logs import Log
from legato._model.operations.lists import bounds
from legato._model.operations.spec import LIMIT
from legato._model.states import StateType
from legato._model.task_runs import TaskRun
from legato._store import columns, decode, sql
from legato._store.courtesy import politely
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries import conditions as c
from legato._store.queries import nouns, spans
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
PIECE_RUNS = 4
"""Runs that are made of rows without giving way."""
_MISSING = {"next_scheduled_at", "end_at"}
"""Columns without a value in some rows; these come last."""

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


def page(
    tx: Transaction, query: Sql, order: LiteralString, request: Any, *, most: int = LIMIT
) -> list[tuple[Any, ...]]:
    """Return a page of at most `most` rows."""
    count, skipped = bounds(request.limit, request.offset, most)
    part = Sql(f"ORDER BY {order} LIMIT ? OFFSET ?", (count, skipped))
    return tx.select(query.then(part))


def page_by_id(
    tx: Transaction,
    head: LiteralString,
    source: tuple[LiteralString, LiteralString],
    conditions: Sequence[Sql],
    order: LiteralString,
    request: Any,
) -> list[tuple[Any, ...]]:
    """Return a page of `head`, a SELECT that joins others to each row.

    Its rows are picked first, of a table and of what they are picked by, so that nothing is joined
    to all the others before these are sorted.
    """
    (table, tables), (count, skipped) = source, bounds(request.limit, request.offset)
    found = Sql(f"{head} WHERE {table}.id IN (SELECT {table}.id FROM {tables} WHERE")
    cut = Sql(f"ORDER BY {order} LIMIT ? OFFSET ?) ORDER BY {order}", (count, skipped))
    return tx.select(found.then(sql.all_of(conditions), cut))


def counted(tx: Transaction, source: LiteralString, conditions: Sequence[Sql]) -> int:
    """Return how many rows there are."""
    head = Sql(f"SELECT count(*) FROM {source} WHERE")
    ((found,),) = tx.select(head.then(sql.all_of(conditions)))
    return int(found)


def of_workspace(table: LiteralString) -> Sql:
    """The rows that this request may see."""
    return Sql(f"{table}.ws = ?", (DEFAULT_WORKSPACE,))


def picked(table: LiteralString, names: Sequence[LiteralString], conditions: Sequence[Sql]) -> Sql:
    """Rows that this request may see, and that some conditions are true of."""
    head = Sql(f"SELECT {sql.listed(table, names)} FROM {table} WHERE")
    return head.then(sql.all_of([of_workspace(table), *conditions]))


def _ordered(table: LiteralString, sort: str) -> LiteralString:
    """Return the order of runs; the id decides among equals."""
    name, direction = _RUN_ORDERS[sort]
    by_id: LiteralString = f"{table}.id {direction}"
    return by_id if name == "id" else f"{table}.{name} {direction}, {by_id}"


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
    query = picked("flow", columns.FLOW, nouns.related("flows", request))
    rows = page(tx, query, _FLOW_ORDERS[request.sort.value], request)
    return [decode.flow(row) for row in rows]


def flow_runs(tx: Transaction, request: Any) -> list[FlowRun]:
    """List flow runs."""
    rows = flow_run_rows(tx, request)
    return [decode.flow_run(row) for row in politely(rows, PIECE_RUNS)]


def flow_run_rows(tx: Transaction, request: Any) -> list[tuple[Any, ...]]:
    """List rows of `FLOW_RUN`."""
    own = nouns.related("flow_runs", request, by_state=_are_few(tx, request))
    conditions = [*own, *_after(tx, "flow_run", request)]
    return runs(tx, "flow_run", columns.FLOW_RUN, conditions, request)


def task_runs(tx: Transaction, request: Any) -> list[TaskRun]:
    """List task runs."""
    conditions = [*nouns.related("task_runs", request), *_after(tx, "task_run", request)]
    rows = runs(tx, "task_run", columns.TASK_RUN, conditions, request)
    return [decode.task_run(row) for row in politely(rows, PIECE_RUNS)]


def runs(
    tx: Transaction,
    table: LiteralString,
    names: Sequence[LiteralString],
    conditions: Sequence[Sql],
    request: Any,
    *,
    most: int = LIMIT,
) -> list[tuple[Any, ...]]:
    """Return a page of runs; those without a value to sort by come last."""
    column, direction = _RUN_ORDERS[request.sort.value]
    order = _ordered(table, request.sort.value)
    if column not in _MISSING:
        return page(tx, picked(table, names, conditions), order, request, most=most)
    orders: tuple[LiteralString, LiteralString] = (order, f"{table}.id {direction}")
    return page_and_rest(tx, (table, names), conditions, (column, *orders), request, most=most)


def page_and_rest(
    tx: Transaction,
    rows_of: tuple[LiteralString, Sequence[LiteralString]],
    conditions: Sequence[Sql],
    by: tuple[LiteralString, LiteralString, LiteralString],
    request: Any,
    *,
    most: int = LIMIT,
) -> list[tuple[Any, ...]]:
    """Return a page of rows of which those that have nothing to be sorted by come last.

    `rows_of`: a table and columns of it. `by`: the column, the order of those that have a value
    there, and that of the rest. They are asked for one after the other: not every index has a
    place for the rest, and not each at its end.
    """
    (table, names), (column, order, order_of_rest) = rows_of, by
    there = [*conditions, sql.is_null(f"{table}.{column}", null=False)]
    rows = page(tx, picked(table, names, there), order, request, most=most)
    limit, offset = bounds(request.limit, request.offset, most)
    left = limit - len(rows)
    if left == 0:
        return rows
    skipped = 0
    if offset and not rows:
        skipped = offset - counted(tx, table, [of_workspace(table), *there])
    missing = [*conditions, sql.is_null(f"{table}.{column}", null=True)]
    rest = replace(request, limit=left, offset=skipped)
    return rows + page(tx, picked(table, names, missing), order_of_rest, rest, most=most)


def _are_few(tx: Transaction, request: Any) -> bool:
    """Tell whether the flow runs that ended so are to be found by that, and sorted then.

    In the order of their start the index on ends has them sorted.
    """
    wanted = _wanted(request)
    if not c.ended_badly(wanted) or request.sort.value.startswith("START_TIME"):
        return True
    text, values = sql.all_of([of_workspace("flow_run"), c.in_states("flow_run", wanted)])
    some: LiteralString = f"SELECT flow_run.id FROM flow_run WHERE {text} LIMIT 1000"
    ((found,),) = tx.select(Sql(f"SELECT count(*) FROM ({some}) AS found", values))
    return int(found) < 1000  # so many are sorted before a page is picked out of a longer list


def _wanted(request: Any) -> Sequence[StateType]:
    """Return which states of flow runs are wanted; none: any."""
    given = request.flow_runs
    kind = given.state.type if given is not None and given.state is not None else None
    return kind.any_ or () if kind is not None else ()


def logs(tx: Transaction, request: Any) -> list[Log]:
    """List log lines, in the order of their times; lines of one writer keep their order."""
    condition = nouns.logs(request.logs)
    query = picked("log", columns.LOG, [] if condition is None else [condition])
    rows = page(tx, query, _LOG_ORDERS[request.sort.value], request)
    return [decode.log(row) for row in rows]


def count(tx: Transaction, noun: str, request: Any) -> int:
    """Count flows, flow_runs or task_runs."""
    asked = spans.asked(noun, request)
    if asked is not None:
        return sum(spans.by_state(tx, _TABLES[noun], asked).values())
    table, given = _TABLES[noun], request.flow_runs
    timed = given is not None and given.expected_start_time is not None
    # the index by this time has the state in it, so it counts without a look at the rows
    conditions = nouns.related(noun, request, by_state=not timed)
    return counted(tx, table, [of_workspace(table), *conditions])
