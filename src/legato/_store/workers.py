"""Workers: their rows, and which pools have one that is online."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from legato._model.workers import Worker, WorkerStatus, offline_at
from legato._store import decode, encode, object_columns, sql
from legato._store.decode import Row
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql
from legato._store.standing import at

PICKED: LiteralString = f"SELECT {sql.listed('worker', object_columns.WORKER)} FROM worker"


def of_rows(now: datetime, rows: Sequence[Row]) -> list[Worker]:
    """Return the workers of rows of `WORKER` as they are at a time."""
    return [_of_row(now, row) for row in rows]


def _of_row(now: datetime, row: Row) -> Worker:
    id_, created, updated, name, pool, heard, interval, offline = row
    return Worker(
        id=decode.uid(id_),
        created=at(created),
        updated=at(updated),
        name=name,
        work_pool_id=decode.uid(pool),
        last_heartbeat_time=at(heard),
        heartbeat_interval_seconds=interval,
        status=WorkerStatus.ONLINE if offline > micros(now) else WorkerStatus.OFFLINE,
    )


def find(tx: Transaction, now: datetime, pool_id: UUID, name: str) -> Worker | None:
    """Return the worker of that name of a pool."""
    found = of_rows(now, tx.select(Sql(f"{PICKED} WHERE").then(_named(pool_id, name))))
    return found[0] if found else None


def _named(pool_id: UUID, name: str) -> Sql:
    return Sql("worker.work_pool_id = ? AND worker.name = ?", (pool_id, encode.text(name)))


def create(tx: Transaction, worker: Worker) -> None:
    """Add a worker; its pool is locked."""
    interval, heard = worker.heartbeat_interval_seconds, worker.last_heartbeat_time
    row = (
        tx.uid(worker.id), micros(worker.created), micros(worker.updated),
        encode.text(worker.name), tx.uid(worker.work_pool_id), micros(heard),
        tx.null if interval is None else interval, micros(offline_at(heard, interval)),
        DEFAULT_WORKSPACE,
    )  # fmt: skip
    tx.run_many("worker.create", [row])


def change(tx: Transaction, worker: Worker) -> None:
    """Write when a worker was heard of last, and how often it will be."""
    interval, heard = worker.heartbeat_interval_seconds, worker.last_heartbeat_time
    changed: LiteralString = (
        "UPDATE worker SET updated_at = ?, last_heartbeat_at = ?, heartbeat_interval_seconds = ?, "
        "offline_at = ? WHERE id = ?"
    )
    values = (worker.updated, heard, interval, offline_at(heard, interval), worker.id)
    tx.execute(Sql(changed, values))


def delete(tx: Transaction, pool_id: UUID, name: str) -> bool:
    """Delete the worker of that name of a pool; False if there is none."""
    return tx.execute(Sql("DELETE FROM worker WHERE").then(_named(pool_id, name))) == 1


def delete_of_pool(tx: Transaction, pool_id: UUID) -> None:
    """Delete the workers of a pool."""
    tx.execute(Sql("DELETE FROM worker WHERE work_pool_id = ?", (pool_id,)))


def list_left(tx: Transaction, now: datetime) -> list[str]:
    """Return the names of pools that are ready and have no worker online any more."""
    online: LiteralString = "worker.work_pool_id = work_pool.id AND worker.offline_at > ?"
    none = Sql(f"NOT EXISTS (SELECT 1 FROM worker WHERE {online})", (now,))
    ready = Sql("work_pool.ws = ? AND work_pool.is_ready = 1", (DEFAULT_WORKSPACE,))
    query = Sql("SELECT work_pool.name FROM work_pool WHERE").then(sql.all_of([ready, none]))
    return [row[0] for row in tx.select(query.then(Sql("ORDER BY work_pool.name")))]
