"""Flow runs with many rows, deleted some rows at a time, each time in a transaction of its own.

What hangs from a row goes before it: whoever reads in between finds less, and no row whose parent
is gone. A run is there until its last piece, so that whoever was stopped finds it again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from legato._store import decode, results, sql, tallies, trees
from legato._store.port import Transaction
from legato._store.sql import Sql

_TASK_PARTS = ("task_run_tag", "task_run_state", "task_run_cache", "task_run")


RESULT_BYTES = 4 * 1024 * 1024
"""So much of results in rows goes at once, or one of them."""
_MANY = ("task_run", "log", "result")


def are_few(tx: Transaction, run_ids: Sequence[UUID], room: int) -> bool:
    """Tell whether flow runs have fewer than `room` rows of each kind that there may be many of."""
    for table in _MANY:
        some = Sql(f"SELECT count(*) FROM (SELECT 1 AS one FROM {table} WHERE").then(
            sql.is_in(f"{table}.flow_run_id", run_ids)
        )
        if tx.select(some.then(Sql(" LIMIT ?) AS few", (room,))))[0][0] >= room:
            return False
    return True


def list_of_flow(tx: Transaction, flow_id: UUID, limit: int) -> list[UUID]:
    """Return some runs of a flow."""
    some = Sql(
        "SELECT flow_run.id FROM flow_run WHERE flow_run.flow_id = ? LIMIT ?", (flow_id, limit)
    )
    return [decode.uid(row[0]) for row in tx.select(some)]


def delete_runs(
    tx: Transaction, run_ids: Sequence[UUID], room: int, kept: Collection[UUID] = ()
) -> list[UUID]:
    """Delete flow runs, called ones before their callers, about `room` rows at most.

    Of those that are to be `kept` most of what is theirs goes. Returns those that are left.
    """
    for place, run_id in enumerate(run_ids):
        room -= _shrink(tx, run_id, room)
        if room <= 0:
            return list(run_ids[place:])
        if run_id not in kept:
            trees.delete(tx, run_id)
    return []


def _shrink(tx: Transaction, run_id: UUID, room: int) -> int:
    """Delete up to `room` rows of a flow run; return how many.

    If those were fewer than `room`, few are left of it.
    """
    gone = 0
    for part in (_delete_logs, _delete_task_runs, _delete_results):
        if gone < room:
            gone += part(tx, run_id, room - gone)
    return gone


def _delete_logs(tx: Transaction, run_id: UUID, room: int) -> int:
    key = "log.flow_run_id, log.writer_id, log.seq, log.day"
    some = Sql(
        f"DELETE FROM log WHERE ({key}) IN (SELECT {key} FROM log WHERE log.flow_run_id = ? "
        "ORDER BY log.writer_id, log.seq LIMIT ?)",
        (run_id, room),
    )
    return tx.execute(some)


def _delete_task_runs(tx: Transaction, run_id: UUID, room: int) -> int:
    """Delete task runs, but for those that stand for a flow run."""
    some = Sql(
        "SELECT task_run.id FROM task_run WHERE task_run.flow_run_id = ? AND NOT EXISTS (SELECT 1 "
        "FROM flow_run WHERE flow_run.parent_task_run_id = task_run.id) LIMIT ?",
        (run_id, room),
    )
    return delete_task_runs(tx, [decode.uid(row[0]) for row in tx.select(some)])


def delete_task_runs(tx: Transaction, task_run_ids: Sequence[UUID]) -> int:
    """Delete task runs with all that belongs to them; return how many."""
    ids, removed = sorted(task_run_ids), 0
    if ids:
        results.condemn_of_task_runs(tx, ids)
        tallies.forget_task_runs(tx, ids)
        for part in _TASK_PARTS:
            removed = tx.run(f"{part}.delete_of_task_runs", {"ids": ids})
    return removed


def _delete_results(tx: Transaction, run_id: UUID, room: int) -> int:
    """Delete results in rows; those that lie elsewhere are condemned."""
    some = Sql(
        "SELECT result.id, CASE WHEN result.location IS NULL THEN result.size ELSE 0 END "
        "FROM result WHERE result.flow_run_id = ? LIMIT ?",
        (run_id, room),
    )
    found = tx.select(some)
    ids: list[Any] = []
    size = 0
    for result_id, taken in found:
        size += taken
        if ids and size > RESULT_BYTES:
            break
        ids.append(result_id)
    if not ids:
        return 0
    tx.execute(Sql("DELETE FROM cache_entry WHERE").then(sql.is_in("result_id", ids)))
    elsewhere = Sql(
        "UPDATE result SET expires_at = result.created_at, flow_run_id = NULL "
        "WHERE result.location IS NOT NULL AND"
    )
    tx.execute(elsewhere.then(sql.is_in("result.id", ids)))
    here = Sql("DELETE FROM result WHERE result.location IS NULL AND")
    tx.execute(here.then(sql.is_in("result.id", ids)))
    return len(ids) if len(ids) == len(found) else room  # there is no room for more
