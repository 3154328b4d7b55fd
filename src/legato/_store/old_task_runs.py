"""Task runs of no flow run, by their age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from legato._store import decode, pieces, sql
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql


class Expected(NamedTuple):
    """A task run by when it was expected to start: an index has all of them in this order.

    Those of flow runs are among them, few that are old, as these go with their flow runs.
    """

    expected_at: int
    id: UUID
    goes: bool


FIRST = Expected(0, UUID(int=0), goes=False)


def _goes(before: datetime) -> Sql:
    return Sql(
        "task_run.flow_run_id IS NULL AND task_run.end_at IS NOT NULL AND task_run.end_at < ? "
        "AND NOT EXISTS (SELECT 1 FROM flow_run WHERE flow_run.parent_task_run_id = task_run.id)",
        (micros(before),),
    )


def list_expected(tx: Transaction, after: Expected, before: datetime, limit: int) -> list[Expected]:
    """Return task runs that were expected before a time, those behind `after`."""
    query = Sql("SELECT task_run.expected_at, task_run.id, CASE WHEN").then(
        _goes(before),
        Sql(
            "THEN 1 ELSE 0 END FROM task_run WHERE task_run.ws = ? AND task_run.expected_at < ? "
            "AND (task_run.expected_at, task_run.id) > (?, ?) "
            "ORDER BY task_run.expected_at, task_run.id LIMIT ?",
            (DEFAULT_WORKSPACE, micros(before), after.expected_at, after.id, limit),
        ),
    )
    return [Expected(at, decode.uid(id_), bool(goes)) for at, id_, goes in tx.select(query)]


def delete(tx: Transaction, ids: Sequence[UUID], before: datetime) -> int:
    """Delete those of some task runs that are old by now; return how many."""
    tx.rows_in("task_run.standing", sorted(ids))  # locks them
    old = Sql("SELECT task_run.id FROM task_run WHERE").then(
        sql.is_in("task_run.id", ids), Sql("AND"), _goes(before)
    )
    return pieces.delete_task_runs(tx, [decode.uid(row[0]) for row in tx.select(old)])
