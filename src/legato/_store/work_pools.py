"""Work pools: their rows, by name and by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import msgspec
from msgspec import structs

from legato._model.work_pools import PoolDetails, WorkPool, status_of
from legato._store import decode, encode, object_columns, sql
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql
from legato._store.standing import at

_details = msgspec.json.Decoder(PoolDetails)
_FIELDS = PoolDetails.__struct_fields__
HAS_SLOT = Sql(
    "flow_run.ws = ? AND flow_run.state_type IN ('PENDING', 'RUNNING') AND flow_run.end_at IS NULL",
    (DEFAULT_WORKSPACE,),
)
PICKED: LiteralString = f"SELECT {sql.listed('work_pool', object_columns.WORK_POOL)} FROM work_pool"


def of_rows(tx: Transaction, rows: Sequence[Row]) -> list[WorkPool]:
    """Return the pools of rows of `WORK_POOL`, with the slots that are taken of those limited."""
    found = [_of_row(row) for row in rows]
    limited = [pool.id for pool in found if pool.concurrency_limit is not None]
    taken = slots_taken(tx, "work_pool_id", limited)
    for pool in found:
        if pool.concurrency_limit is not None:
            pool.active_slots = taken.get(pool.id, 0)
    return found


def _of_row(row: Row) -> WorkPool:
    id_, created, updated, name, type_, paused, limit, queue, details, ready = row
    pool = WorkPool(
        id=decode.uid(id_),
        created=at(created),
        updated=at(updated),
        name=name,
        type=type_,
        is_paused=bool(paused),
        concurrency_limit=limit,
        default_queue_id=decode.uid(queue),
        **structs.asdict(_details.decode(details)),
    )
    pool.status = status_of(pool, ready=bool(ready))
    return pool


def slots_taken(tx: Transaction, column: LiteralString, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Count the runs that are Pending or Running by a column of ids."""
    if not ids:
        return {}
    of_these = sql.is_in(column, ids)
    head = Sql(f"SELECT {column}, count(*) FROM flow_run WHERE")
    rows = tx.select(head.then(sql.all_of([HAS_SLOT, of_these]), Sql(f"GROUP BY {column}")))
    return {decode.uid(row[0]): int(row[1]) for row in rows}


def _encoded(pool: WorkPool) -> str:
    return encode.json({name: getattr(pool, name) for name in _FIELDS}, "work_pool")


def find(tx: Transaction, name: str) -> WorkPool | None:
    """Return the pool of that name."""
    named = Sql("work_pool.ws = ? AND work_pool.name = ?", (DEFAULT_WORKSPACE, encode.text(name)))
    found = of_rows(tx, tx.select(Sql(f"{PICKED} WHERE").then(named)))
    return found[0] if found else None


def find_by_id(tx: Transaction, pool_id: UUID) -> WorkPool | None:
    """Return the pool of that id."""
    found = of_rows(tx, tx.select(Sql(f"{PICKED} WHERE work_pool.id = ?", (pool_id,))))
    return found[0] if found else None


def lock(tx: Transaction, name: str) -> None:
    """Let nobody else lock the pool of that name until the end."""
    same: LiteralString = "UPDATE work_pool SET name = name WHERE ws = ? AND name = ?"
    tx.execute(Sql(same, (DEFAULT_WORKSPACE, encode.text(name))))


def create(tx: Transaction, pool: WorkPool) -> bool:
    """Add a pool; False if there is one of that name."""
    row = (
        tx.uid(pool.id), micros(pool.created), micros(pool.updated), encode.text(pool.name),
        encode.text(pool.type), int(pool.is_paused),
        tx.null if pool.concurrency_limit is None else pool.concurrency_limit,
        tx.uid(pool.default_queue_id), _encoded(pool), 0, DEFAULT_WORKSPACE,
    )  # fmt: skip
    return tx.run_many("work_pool.create", [row]) == 1


def change(tx: Transaction, pool: WorkPool) -> None:
    """Write all of a pool that may change."""
    changed: LiteralString = (
        "UPDATE work_pool SET updated_at = ?, is_paused = ?, concurrency_limit = ?, details = ? "
        "WHERE id = ?"
    )
    values = (pool.updated, pool.is_paused, pool.concurrency_limit, _encoded(pool), pool.id)
    tx.execute(Sql(changed, values))


def is_ready(tx: Transaction, pool_id: UUID) -> bool:
    """Tell whether a pool had a worker online when that was looked at last."""
    rows = tx.select(Sql("SELECT is_ready FROM work_pool WHERE id = ?", (pool_id,)))
    return bool(rows and rows[0][0])


def set_ready(tx: Transaction, pool_id: UUID, ready: bool) -> bool:
    """Write whether a pool has a worker online; False: so it was written before."""
    changed: LiteralString = "UPDATE work_pool SET is_ready = ? WHERE id = ? AND is_ready <> ?"
    return tx.execute(Sql(changed, (int(ready), pool_id, int(ready)))) == 1


def delete(tx: Transaction, pool_id: UUID) -> None:
    """Delete a pool."""
    tx.execute(Sql("DELETE FROM work_pool WHERE id = ?", (pool_id,)))
