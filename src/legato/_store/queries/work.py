"""Pages and counts of work pools, work queues and workers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from legato._model.work_pools import WorkPool
from legato._model.work_queues import WorkQueue
from legato._model.workers import Worker
from legato._store import sql, work_pools, work_queues
from legato._store import workers as worker_rows
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.queries import nouns
from legato._store.queries.lists import counted, of_workspace, page
from legato._store.sql import Sql


def _pools(request: Any) -> list[Sql]:
    condition = nouns.work_pools(request.work_pools)
    return [of_workspace("work_pool"), *([] if condition is None else [condition])]


def pools(tx: Transaction, request: Any) -> list[WorkPool]:
    """List pools by their names."""
    query = Sql(f"{work_pools.PICKED} WHERE").then(sql.all_of(_pools(request)))
    return work_pools.of_rows(tx, page(tx, query, "work_pool.name", request))


def count_pools(tx: Transaction, request: Any) -> int:
    """Count pools."""
    return counted(tx, "work_pool", _pools(request))


def queues(
    tx: Transaction, now: datetime, request: Any, pool_id: UUID | None = None
) -> list[WorkQueue]:
    """List queues: of a pool by their rank, of all pools by their names."""
    conditions = [of_workspace("work_queue")]
    if pool_id is not None:
        conditions.append(Sql("work_queue.work_pool_id = ?", (pool_id,)))
    picked = nouns.work_queues(request.work_queues)
    if picked is not None:
        conditions.append(picked)
    query = Sql(f"{work_queues.PICKED} WHERE").then(sql.all_of(conditions))
    if pool_id is None:
        rows = page(tx, query, "work_queue.name, work_queue.id", request)
    else:
        rows = page(tx, query, "work_queue.priority, work_queue.id", request)
    return work_queues.of_rows(tx, now, rows)


def workers(tx: Transaction, now: datetime, request: Any, pool_id: UUID) -> list[Worker]:
    """List the workers of a pool, first those that were heard of last."""
    conditions = [Sql("worker.work_pool_id = ?", (pool_id,))]
    picked = nouns.workers(request.workers, now)
    if picked is not None:
        conditions.append(picked)
    query = Sql(f"{worker_rows.PICKED} WHERE").then(sql.all_of(conditions))
    rows = page(tx, query, "worker.last_heartbeat_at DESC, worker.id", request)
    return worker_rows.of_rows(now, rows)


def count_late(tx: Transaction, queue_id: UUID) -> int:
    """Count the runs of a queue that should have begun."""
    due = Sql("ws = ? AND state_type = 'SCHEDULED' AND end_at IS NULL", (DEFAULT_WORKSPACE,))
    late = Sql("state_name = 'Late' AND work_queue_id = ?", (queue_id,))
    head = Sql("SELECT count(*) FROM flow_run WHERE")
    ((found,),) = tx.select(head.then(sql.all_of([due, late])))
    return int(found)
