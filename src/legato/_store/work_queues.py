"""Work queues: their rows, by name and by id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from legato._model.work_queues import WorkQueue, status_of
from legato._store import decode, encode, object_columns, sql
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql
from legato._store.standing import at, when
from legato._store.work_pools import slots_taken

PICKED: LiteralString = (
    f"SELECT {sql.listed('work_queue', object_columns.WORK_QUEUE)}, work_pool.name FROM work_queue "
    "JOIN work_pool ON work_pool.id = work_queue.work_pool_id"
)


def of_rows(tx: Transaction, now: datetime, rows: Sequence[Row]) -> list[WorkQueue]:
    """Return the queues of rows of `PICKED`, with the slots that are taken of those limited."""
    found = [_of_row(row) for row in rows]
    limited = [queue.id for queue in found if queue.concurrency_limit is not None]
    taken = slots_taken(tx, "work_queue_id", limited)
    for queue in found:
        queue.status = status_of(queue, now)
        if queue.concurrency_limit is not None:
            queue.active_slots = taken.get(queue.id, 0)
    return found


def _of_row(row: Row) -> WorkQueue:
    id_, created, updated, name, description, paused, limit, priority, pool, polled, pool_name = row
    return WorkQueue(
        id=decode.uid(id_),
        created=at(created),
        updated=at(updated),
        name=name,
        description=description,
        is_paused=bool(paused),
        concurrency_limit=limit,
        priority=priority,
        work_pool_id=decode.uid(pool),
        last_polled=when(polled),
        work_pool_name=pool_name,
    )


def _one(tx: Transaction, now: datetime, condition: Sql) -> WorkQueue | None:
    found = of_rows(tx, now, tx.select(Sql(f"{PICKED} WHERE").then(condition, Sql("LIMIT 1"))))
    return found[0] if found else None


def find(tx: Transaction, now: datetime, queue_id: UUID) -> WorkQueue | None:
    """Return the queue of that id."""
    return _one(tx, now, Sql("work_queue.id = ?", (queue_id,)))


def find_of_pool(tx: Transaction, now: datetime, pool_id: UUID, name: str) -> WorkQueue | None:
    """Return the queue of that name of a pool."""
    named = Sql("work_queue.name = ?", (encode.text(name),))
    return _one(tx, now, sql.all_of([Sql("work_queue.work_pool_id = ?", (pool_id,)), named]))


def find_by_name(tx: Transaction, now: datetime, name: str, before: str) -> WorkQueue | None:
    """Return a queue of that name: of the pool that is named `before`, or of the oldest one."""
    named = Sql("work_queue.ws = ? AND work_queue.name = ?", (DEFAULT_WORKSPACE, encode.text(name)))
    first: LiteralString = "CASE WHEN work_pool.name = ? THEN 0 ELSE 1 END"
    order: LiteralString = f"ORDER BY {first}, work_pool.created_at, work_pool.id"
    return _one(tx, now, named.then(Sql(order, (before,))))


def list_ranks(tx: Transaction, pool_id: UUID) -> dict[UUID, int]:
    """Return the ranks of the queues of a pool."""
    rows = tx.select(Sql("SELECT id, priority FROM work_queue WHERE work_pool_id = ?", (pool_id,)))
    return {decode.uid(row[0]): int(row[1]) for row in rows}


def list_of_pool(tx: Transaction, now: datetime, pool_id: UUID) -> list[WorkQueue]:
    """Return all queues of a pool by their rank."""
    those = Sql("WHERE work_queue.work_pool_id = ? ORDER BY work_queue.priority", (pool_id,))
    return of_rows(tx, now, tx.select(Sql(PICKED).then(those)))


def create(tx: Transaction, queue: WorkQueue) -> bool:
    """Add a queue; False if there is one of that name in its pool."""
    row = (
        tx.uid(queue.id), micros(queue.created), micros(queue.updated), encode.text(queue.name),
        tx.null if queue.description is None else encode.text(queue.description),
        int(queue.is_paused),
        tx.null if queue.concurrency_limit is None else queue.concurrency_limit,
        queue.priority, tx.uid(queue.work_pool_id), tx.null, DEFAULT_WORKSPACE,
    )  # fmt: skip
    return tx.run_many("work_queue.create", [row]) == 1


def change(tx: Transaction, queue: WorkQueue) -> None:
    """Write all of a queue that may change, but for its rank."""
    changed: LiteralString = (
        "UPDATE work_queue SET updated_at = ?, name = ?, description = ?, is_paused = ?, "
        "concurrency_limit = ?, last_polled_at = ? WHERE id = ?"
    )
    said = None if queue.description is None else encode.text(queue.description)
    values = (
        queue.updated, encode.text(queue.name), said, queue.is_paused,
        queue.concurrency_limit, queue.last_polled, queue.id,
    )  # fmt: skip
    tx.execute(Sql(changed, values))


def set_rank(tx: Transaction, queue_id: UUID, rank: int) -> None:
    """Write the rank of a queue."""
    tx.execute(Sql("UPDATE work_queue SET priority = ? WHERE id = ?", (rank, queue_id)))


def note_poll(tx: Transaction, now: datetime, queue_ids: Sequence[UUID]) -> None:
    """Write that queues were asked for their runs."""
    those, values = sql.is_in("id", queue_ids)
    changed: LiteralString = "UPDATE work_queue SET last_polled_at = ?, is_ready = 1"
    tx.execute(Sql(f"{changed} WHERE {those}", (now, *values)))


def list_left(tx: Transaction, before: datetime) -> list[tuple[UUID, str]]:
    """Return the queues that were ready and polled before a time last, and their pools' names."""
    ready = Sql("work_queue.ws = ? AND work_queue.is_ready = 1", (DEFAULT_WORKSPACE,))
    polled = Sql("work_queue.last_polled_at < ?", (before,))
    head = Sql(
        "SELECT work_queue.id, work_pool.name FROM work_queue "
        "JOIN work_pool ON work_pool.id = work_queue.work_pool_id WHERE"
    )
    order = Sql("ORDER BY work_pool.name, work_queue.priority")
    rows = tx.select(head.then(sql.all_of([ready, polled]), order))
    return [(decode.uid(row[0]), row[1]) for row in rows]


def leave(tx: Transaction, queue_id: UUID, before: datetime) -> bool:
    """Write that a queue is not ready any more; False: it was polled meanwhile."""
    changed: LiteralString = (
        "UPDATE work_queue SET is_ready = 0 WHERE id = ? AND is_ready = 1 AND last_polled_at < ?"
    )
    return tx.execute(Sql(changed, (queue_id, before))) == 1


def delete(tx: Transaction, queue_ids: Sequence[UUID]) -> None:
    """Delete queues; deployments remember of them their names alone."""
    left, values = sql.is_in("work_queue_id", queue_ids)
    tx.execute(Sql(f"UPDATE deployment SET work_queue_id = NULL WHERE {left}", values))
    those, values = sql.is_in("id", queue_ids)
    tx.execute(Sql(f"DELETE FROM work_queue WHERE {those}", values))
