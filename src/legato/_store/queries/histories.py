"""Counts of runs: over time, by state, by flow run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from legato._model.states import TERMINAL
from legato._store import decode, sql
from legato._store.checks import ENDED
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
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
    if noun == "flow_runs" and not any((request.flows, request.flow_runs, request.task_runs)):
        ended = _ended(tx, span)
        live = _counted(tx, now, noun, request, span, [sql.is_null("flow_run.end_at", null=True)])
        return sorted([*ended, *live])
    return _counted(tx, now, noun, request, span, [])


def _counted(
    tx: Transaction,
    now: datetime,
    noun: str,
    request: Any,
    span: tuple[int, int, int],
    conditions: Sequence[Sql],
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
        *conditions,
        *nouns.related(noun, request),
    ]
    rows = tx.select(shown.then(sql.all_of(picked), Sql("GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")))
    return [_of_row(row) for row in rows]


def _of_row(row: Sequence[Any]) -> Counted:
    run_us, late_us = float(row[4] or 0), float(row[5] or 0)
    return Counted(int(row[0]), row[1], row[2], row[3], run_us / 1e6, late_us / 1e6)


_TOGETHER = 100
"""Counts in one statement; SQLite takes 500 at most."""


def _ended(tx: Transaction, span: tuple[int, int, int]) -> list[Counted]:
    """Count ended flow runs in one pass over an index that has all that is needed.

    Each interval of each state is a stretch of it: nothing is grouped, which would take longer
    than all the rest.
    """
    first, length, count = span
    asked = [
        stretch(number, first + number * length, length, *state)
        for state in _end_states(tx)
        for number in range(count)
    ]
    rows: list[tuple[Any, ...]] = []
    for n in range(0, len(asked), _TOGETHER):
        rows += tx.select(sql.joined(" UNION ALL ", asked[n : n + _TOGETHER]))
    return [_of_row(row) for row in rows if row[3]]


def stretch(number: int, start: int, length: int, kind: str, name: str) -> Sql:
    """Return the count of the flow runs of an interval that ended in one state."""
    late: LiteralString = "flow_run.start_at - flow_run.expected_at"
    within: LiteralString = "flow_run.expected_at >= ? AND flow_run.expected_at < ?"
    return Sql(
        "SELECT CAST(? AS INTEGER), CAST(? AS TEXT), CAST(? AS TEXT), count(*), "
        f"sum(flow_run.total_run_us), sum({late}) FILTER (WHERE {late} > 0) FROM flow_run "
        "WHERE flow_run.ws = ? AND flow_run.state_type = ? AND flow_run.state_name = ? "
        f"AND {within} AND flow_run.{ENDED}",
        (number, kind, name, DEFAULT_WORKSPACE, kind, name, start, start + length),
    )


def _end_states(tx: Transaction) -> list[tuple[str, str]]:
    """Return type and name of all states that flow runs have ended in, from one to the next."""
    found: list[tuple[str, str]] = []
    for kind in sorted(state.value for state in TERMINAL):
        name = ""
        while rows := tx.select(_next_name(kind, name)):
            name = rows[0][0]
            found.append((kind, name))
    return found


def _next_name(kind: str, name: str) -> Sql:
    beyond = Sql("flow_run.state_type = ? AND flow_run.state_name > ?", (kind, name))
    ended = [lists.of_workspace("flow_run"), beyond, Sql(f"flow_run.{ENDED}")]
    head = Sql("SELECT flow_run.state_name FROM flow_run WHERE")
    return head.then(sql.all_of(ended), Sql("ORDER BY flow_run.state_name LIMIT 1"))


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
