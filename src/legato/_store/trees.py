"""Flow runs with all below them: found, and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from legato._store import decode, results
from legato._store.port import Transaction

_PARTS = (
    "flow_run_input",
    "flow_run_tag",
    "flow_run_state",
    "log",
    "result",
    "attempt",
    "quarantine",
    "task_run_tag",
    "task_run_state",
    "task_run_cache",
    "task_run",
    "flow_run",
)


def list_tree(tx: Transaction, run_id: UUID) -> list[UUID]:
    """Return the ids of a run and of all subflow runs below it."""
    params: Mapping[str, Any] = {"id": run_id}
    return [decode.uid(row[0]) for row in tx.rows("flow_run.list_tree", params)]


def delete(tx: Transaction, run_id: UUID) -> int:
    """Delete a run with all that belongs to it and its subflow runs; return how many runs."""
    ids = sorted(list_tree(tx, run_id))
    removed = 0
    results.condemn_of_flow_runs(tx, ids)
    for part in _PARTS:
        removed = tx.run(f"{part}.delete_of_flow_runs", {"ids": ids})
    return removed
