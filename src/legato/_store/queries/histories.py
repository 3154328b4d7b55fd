"""Counts of runs: over time, by state, by flow run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from legato._model.operations.lists import filters
from legato._store import decode, sql
from legato._store.dialect import micros
from legato._store.port import Transaction
from legato._store.queries import conditions, lists, nouns, spans
from legato._store.sql import Sql

_TABLES: dict[str, LiteralString] = {"flow_runs": "flow_run", "task_runs": "task_run"}


class Counted(NamedTuple):
    """Runs of one interval that are in one state."""

    interval: int
    state_type: str
    state_name: str
    runs: int
    run_seconds: float
    late_seconds: float


def history(
    tx: Transaction, now: datetime, noun: str, request: Any, span: tuple[int, int, int]
) -> list[Counted]:
    """Count runs by state in the intervals of a span: first microsecond, length, number."""
    if filters(request):
        return _counted(tx, now, noun, request, span, [])
    live = _counted(tx, now, noun, request, span, conditions.live(_TABLES[noun]))
    first, length, count = span
    ended: dict[tuple[int, str, str], list[int]] = {}
    within, by = (first, first + length * count), (first, length)
    for found in spans.ended(tx, (_TABLES[noun], "expected_at"), within, by):
        sums = ended.setdefault((found.interval, found.state_type, found.state_name), [0, 0, 0])
        for n, more in enumerate((found.runs, found.run_us, found.late_us)):
            sums[n] += more
    return sorted([*live, *(_of_row((*key, *sums)) for key, sums in ended.items())])


def _counted(
    tx: Transaction,
    now: datetime,
    noun: str,
    request: Any,
    span: tuple[int, int, int],
    further: Sequence[Sql],
) -> list[Counted]:
    """Count runs by looking at each of them."""
    table = _TABLES[noun]
    first, length, count = span
    shown = Sql(
        f"SELECT ({table}.expected_at - ?) / ?, {table}.state_type, {table}.state_name, count(*),",
        (first, length),
    ).then(_sum(ran(table, now)), Sql(","), _sum(late(table, now)), Sql(f"FROM {table} WHERE"))
    within = Sql(
        f"{table}.expected_at >= ? AND {table}.expected_at < ? AND {table}.state_type IS NOT NULL",
        (first, first + length * count),
    )
    picked = [
        lists.of_workspace(table),
        within,
        *further,
        *nouns.related(noun, request),
    ]
    rows = tx.select(shown.then(sql.all_of(picked), Sql("GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")))
    return [_of_row(row) for row in rows]


def _of_row(row: Sequence[Any]) -> Counted:
    run_us, late_us = float(row[4] or 0), float(row[5] or 0)
    return Counted(int(row[0]), row[1], row[2], row[3], run_us / 1e6, late_us / 1e6)


def _sum(value: Sql) -> Sql:
    return Sql("sum(").then(value, Sql(")"))


def ran(table: LiteralString, now: datetime) -> Sql:
    """For how many microseconds a run has run, with the state that it is in."""
    at = micros(now)
    return Sql(
        f"{table}.total_run_us + CASE WHEN {table}.state_type = 'RUNNING' "
        f"AND {table}.state_at < ? THEN ? - {table}.state_at ELSE 0 END",
        (at, at),
    )


def late(table: LiteralString, now: datetime) -> Sql:
    """By how many microseconds a run started late, or is late by now."""
    at = micros(now)
    return Sql(
        f"CASE WHEN {table}.start_at > {table}.expected_at "
        f"THEN {table}.start_at - {table}.expected_at "
        f"WHEN {table}.start_at IS NULL AND {table}.end_at IS NULL AND {table}.expected_at < ? "
        f"THEN ? - {table}.expected_at ELSE 0 END",
        (at, at),
    )


def by_state(tx: Transaction, request: Any) -> dict[str, int]:
    """Count task runs by state."""
    asked = spans.asked("task_runs", request)
    if asked is not None:
        return spans.by_state(tx, "task_run", asked)
    head = Sql("SELECT task_run.state_type, count(*) FROM task_run WHERE")
    picked = [lists.of_workspace("task_run"), *nouns.related("task_runs", request)]
    rows = tx.select(head.then(sql.all_of(picked), Sql("GROUP BY task_run.state_type")))
    return {row[0]: row[1] for row in rows if row[0] is not None}


def of_flow_runs(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the task runs of flow runs, without those that stand for subflows."""
    head = Sql("SELECT task_run.flow_run_id, count(*) FROM task_run WHERE")
    those = [sql.is_in("task_run.flow_run_id", ids), Sql("task_run.child_flow_run_id IS NULL")]
    rows = tx.select(head.then(sql.all_of(those), Sql("GROUP BY task_run.flow_run_id")))
    return {decode.uid(row[0]): row[1] for row in rows}
