"""Operations on workers, and whether a pool has one."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from msgspec import structs

from legato._control.object_events import tell
from legato._control.work_pools import locked
from legato._control.work_pools import read as read_pool
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.object_events import Happened
from legato._model.operations.work_pools import ReadWorkPool
from legato._model.operations.workers import DeleteWorker, FilterWorkers, SendHeartbeat
from legato._model.work_events import of_status
from legato._model.work_pools import WorkPool, status_of
from legato._model.workers import Worker
from legato._store import work_pools, workers
from legato._store.port import Transaction


def heartbeat(tx: Transaction, now: datetime, request: SendHeartbeat) -> None:
    """Note that a worker is alive, and with it its pool ready; raise ObjectNotFound."""
    interval = request.heartbeat_interval_seconds
    if not request.name.strip():
        raise InvalidRequest("name: A worker's name is not empty.")
    if interval is not None and interval < 0:
        raise InvalidRequest(f"heartbeat_interval_seconds: At least 0, not {interval}.")
    pool = locked(tx, request.work_pool_name)
    known = workers.find(tx, now, pool.id, request.name)
    if known is None:
        made = Worker(
            id=uuid4(),
            created=now,
            updated=now,
            name=request.name,
            work_pool_id=pool.id,
            last_heartbeat_time=now,
            heartbeat_interval_seconds=interval,
        )
        workers.create(tx, made)
    else:
        said = known.heartbeat_interval_seconds if interval is None else interval
        workers.change(
            tx,
            structs.replace(
                known, updated=now, last_heartbeat_time=now, heartbeat_interval_seconds=said
            ),
        )
    tell(tx, now, noted(tx, pool, ready=True))


def noted(tx: Transaction, pool: WorkPool, *, ready: bool) -> list[Happened]:
    """Write whether a pool that is locked has a worker; what that changes is to be told."""
    if not work_pools.set_ready(tx, pool.id, ready):
        return []
    changed = structs.replace(pool, status=status_of(pool, ready=ready))
    return [] if changed.status is pool.status else [of_status(changed)]


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterWorkers
) -> list[Worker]:
    """List the workers of a pool; raise ObjectNotFound."""
    from legato._store.queries import work

    pool = read_pool(tx, now, ReadWorkPool(work_pool_name=request.work_pool_name))
    return work.workers(tx, now, request, pool.id)


def delete(tx: Transaction, now: datetime, request: DeleteWorker) -> None:
    """Delete a worker; raise ObjectNotFound."""
    pool = locked(tx, request.work_pool_name)
    if not workers.delete(tx, pool.id, request.name):
        place = f"{request.work_pool_name}/{request.name}"
        raise ObjectNotFound(f"There is no worker {place!r}.")
