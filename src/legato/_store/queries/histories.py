"""Counts of runs: over time, by state, by flow run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from legato._store import decode, sql
from legato._store.dialect import micros
from legato._store.port import Transaction
from legato._store.queries import lists, nouns
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
    table, at = _TABLES[noun], micros(now)
    first, length, count = span
    shown = Sql(
        f"SELECT ({table}.expected_at - ?) / ?, {table}.state_type, {table}.state_name, count(*), "
        f"sum({table}.total_run_us + CASE WHEN {table}.state_type = 'RUNNING' "
        f"AND {table}.state_at < ? THEN ? - {table}.state_at ELSE 0 END), "
        f"sum(CASE WHEN {table}.start_at > {table}.expected_at "
        f"THEN {table}.start_at - {table}.expected_at "
        f"WHEN {table}.start_at IS NULL AND {table}.end_at IS NULL AND {table}.expected_at < ? "
        f"THEN ? - {table}.expected_at ELSE 0 END) FROM {table} WHERE",
        (first, length, at, at, at, at),
    )
    within = Sql(
        f"{table}.expected_at >= ? AND {table}.expected_at < ? AND {table}.state_type IS NOT NULL",
        (first, first + length * count),
    )
    conditions = [lists.of_workspace(table), within, *nouns.related(noun, request)]
    rows = tx.select(shown.then(sql.all_of(conditions), Sql("GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")))
    return [
        Counted(int(row[0]), row[1], row[2], row[3], float(row[4]) / 1e6, float(row[5]) / 1e6)
        for row in rows
    ]


def by_state(tx: Transaction, request: Any) -> dict[str, int]:
    """Count task runs by state."""
    head = Sql("SELECT task_run.state_type, count(*) FROM task_run WHERE")
    conditions = [lists.of_workspace("task_run"), *nouns.related("task_runs", request)]
    rows = tx.select(head.then(sql.all_of(conditions), Sql("GROUP BY task_run.state_type")))
    return {row[0]: row[1] for row in rows if row[0] is not None}


def of_flow_runs(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the task runs of flow runs, without those that stand for subflows."""
    head = Sql("SELECT task_run.flow_run_id, count(*) FROM task_run WHERE")
    those = [sql.is_in("task_run.flow_run_id", ids), Sql("task_run.child_flow_run_id IS NULL")]
    rows = tx.select(head.then(sql.all_of(those), Sql("GROUP BY task_run.flow_run_id")))
    return {decode.uid(row[0]): row[1] for row in rows}
