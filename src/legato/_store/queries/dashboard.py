"""Few numbers about many runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from legato._model.operations.dashboard import FlowRunPoint, NextFlowRun
from legato._model.states import StateType
from legato._store import decode, sql, tallies
from legato._store.dialect import micros
from legato._store.port import Transaction
from legato._store.queries import histories, lists, nouns, spans
from legato._store.sql import Sql
from legato._store.standing import at

MOST_POINTS = 1000


def lateness(tx: Transaction, now: datetime, request: Any) -> float | None:
    """Return how late flow runs are on average, in seconds."""
    head = Sql("SELECT avg(").then(histories.late("flow_run", now), Sql(") FROM flow_run WHERE"))
    ((found,),) = tx.select(
        head.then(sql.all_of([lists.of_workspace("flow_run"), *_flow_runs(request)]))
    )
    return None if found is None else float(found) / 1e6


_POINT = ("id", "state_type", "state_at", "start_at", "expected_at", "end_at", "total_run_us")


def points(tx: Transaction, now: datetime, request: Any) -> list[FlowRunPoint]:
    """List flow runs by when they started, with how long they ran and how late they were."""
    rows = lists.runs(tx, "flow_run", _POINT, _flow_runs(request), request, most=MOST_POINTS)
    return [_point(row, micros(now)) for row in rows]


def _point(row: Sequence[Any], now: int) -> FlowRunPoint:
    id_, state_type, state_at, start, expected, end, run_us = row
    if state_type == StateType.RUNNING.value:
        run_us += max(0, now - state_at)
    late = 0
    if start is not None:
        late = max(0, start - expected)
    elif end is None:
        late = max(0, now - expected)
    return FlowRunPoint(
        id=decode.uid(id_),
        state_type=StateType(state_type),
        timestamp=at(expected if start is None else start),
        duration=timedelta(microseconds=run_us),
        lateness=timedelta(microseconds=late),
    )


def _flow_runs(request: Any) -> list[Sql]:
    stated = Sql("flow_run.state_type IS NOT NULL")
    return [stated, *nouns.related("flow_runs", request)]


def next_runs(tx: Transaction, flow_ids: Sequence[UUID]) -> list[NextFlowRun]:
    """Find the scheduled run of each flow that is due first."""
    due = [
        lists.of_workspace("flow_run"),
        Sql("flow_run.state_type = 'SCHEDULED'"),
        Sql("flow_run.next_scheduled_at IS NOT NULL"),
        sql.is_in("flow_run.flow_id", flow_ids),
    ]
    head = Sql(
        "SELECT due.id, due.flow_id, due.name, due.state_name, due.next_scheduled_at FROM ("
        "SELECT flow_run.id, flow_run.flow_id, flow_run.name, flow_run.state_name, "
        "flow_run.next_scheduled_at, row_number() OVER (PARTITION BY flow_run.flow_id "
        "ORDER BY flow_run.next_scheduled_at, flow_run.id) AS place FROM flow_run WHERE"
    )
    return [
        NextFlowRun(
            id=decode.uid(id_),
            flow_id=decode.uid(flow_id),
            name=name,
            state_name=state_name,
            state_type=StateType.SCHEDULED,
            next_scheduled_start_time=at(scheduled),
        )
        for id_, flow_id, name, state_name, scheduled in tx.select(
            head.then(sql.all_of(due), Sql(") AS due WHERE due.place = 1"))
        )
    ]


def ended(tx: Transaction, request: Any, span: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Count task runs that have ended: the interval, those that completed, those that failed.

    `span` is the first microsecond, the length and the number of the intervals.
    """
    first, length, count = span
    asked = spans.asked("task_runs", request)
    if asked is None or asked.states is not None:
        return _ended(tx, request, span)
    within = max(first, asked.first), min(first + length * count, asked.end)
    found: dict[int, tuple[int, int]] = {}
    by, light = (first, length), tallies.counted_only
    for each in spans.ended(tx, ("task_run", "start_at"), within, by, one_by_one=light):
        completed, failed = found.get(each.interval, (0, 0))
        if each.state_type in _FAILED:
            failed += each.runs
        else:
            completed += each.runs
        found[each.interval] = completed, failed
    return [(interval, *counts) for interval, counts in found.items()]


_FAILED = (StateType.FAILED.value, StateType.CRASHED.value)


def _ended(tx: Transaction, request: Any, span: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Count the task runs that a filter picks, one by one."""
    first, length, count = span
    head = Sql(
        "SELECT (task_run.start_at - ?) / ?, count(*), "
        "sum(CASE WHEN task_run.state_type IN ('FAILED', 'CRASHED') THEN 1 ELSE 0 END) "
        "FROM task_run WHERE",
        (first, length),
    )
    within = Sql(
        "task_run.start_at >= ? AND task_run.start_at < ? AND task_run.end_at IS NOT NULL",
        (first, first + length * count),
    )
    conditions = [lists.of_workspace("task_run"), within, *nouns.related("task_runs", request)]
    rows = tx.select(head.then(sql.all_of(conditions), Sql("GROUP BY 1")))
    return [(int(row[0]), int(row[1]) - int(row[2]), int(row[2])) for row in rows]
