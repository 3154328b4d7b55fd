"""Flow runs with all below them: found, and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from legato._store import columns, decode, results, sql, tallies
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql

_PARTS = (
    "flow_run_input",
    "flow_run_tag",
    "flow_run_state",
    "log",
    "result_part",
    "result",
    "attempt",
    "quarantine",
    "task_run_tag",
    "task_run_state",
    "task_run_cache",
    "task_run",
    "flow_run",
)


_END_AT = 1 + columns.STANDING.index("end_at")


class Ended(NamedTuple):
    """A run that no flow called, by its end: in this order they are looked at."""

    end_at: int
    id: UUID


FIRST = Ended(0, UUID(int=0))


def list_ended(tx: Transaction, after: Ended, before: datetime, limit: int) -> list[Ended]:
    """Return runs that no flow called and that ended before a time, those behind `after`.

    Whom a task outside of flows called is one of them, and who has lost his caller.
    """
    query = Sql(
        "SELECT flow_run.end_at, flow_run.id FROM flow_run WHERE flow_run.ws = ? "
        "AND flow_run.end_at IS NOT NULL AND flow_run.end_at < ? "
        "AND (flow_run.end_at, flow_run.id) > (?, ?) AND (flow_run.parent_task_run_id IS NULL "
        "OR NOT EXISTS (SELECT 1 FROM task_run WHERE task_run.id = flow_run.parent_task_run_id "
        "AND task_run.flow_run_id IS NOT NULL)) "
        "ORDER BY flow_run.end_at, flow_run.id LIMIT ?",
        (DEFAULT_WORKSPACE, micros(before), after.end_at, after.id, limit),
    )
    return [Ended(end_at, decode.uid(run_id)) for end_at, run_id in tx.select(query)]


class Called(NamedTuple):
    """A run that another one called; `end_at` is 0 if it has not ended."""

    end_at: int
    id: UUID
    caller: UUID


def list_called(tx: Transaction, run_ids: Sequence[UUID]) -> list[Called]:
    """Return the runs that these called."""
    query = Sql(
        "SELECT flow_run.end_at, flow_run.id, task_run.flow_run_id FROM task_run "
        "JOIN flow_run ON flow_run.parent_task_run_id = task_run.id WHERE"
    ).then(sql.is_in("task_run.flow_run_id", run_ids))
    rows = tx.select(query)
    return [Called(end_at or 0, decode.uid(id_), decode.uid(by)) for end_at, id_, by in rows]


def are_over(tx: Transaction, run_ids: Sequence[UUID], before: datetime) -> bool:
    """Lock runs; tell whether those that still exist ended before a time."""
    ends = (row[_END_AT] for row in tx.rows_in("flow_run.standing", run_ids))
    return all(end_at is not None and end_at < micros(before) for end_at in ends)


def list_tree(tx: Transaction, run_id: UUID) -> list[UUID]:
    """Return the ids of a run and of all subflow runs below it."""
    params: Mapping[str, Any] = {"id": run_id}
    return [decode.uid(row[0]) for row in tx.rows("flow_run.list_tree", params)]


def delete(tx: Transaction, run_id: UUID) -> int:
    """Delete a run with all that belongs to it and its subflow runs; return how many runs."""
    ids = sorted(list_tree(tx, run_id))
    removed = 0
    results.condemn_of_flow_runs(tx, ids)
    tallies.forget_flow_runs(tx, ids)
    for part in _PARTS:
        removed = tx.run(f"{part}.delete_of_flow_runs", {"ids": ids})
    return removed
