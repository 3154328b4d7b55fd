"""Operations on work pools."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from msgspec import UNSET, structs

from legato._control.object_events import tell
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound, ReservedName
from legato._model.naming import fault_of_name
from legato._model.object_events import Happened
from legato._model.operations.work_pools import (
    CountWorkPools,
    CreateWorkPool,
    DeleteWorkPool,
    FilterWorkPools,
    ReadWorkPool,
    UpdateWorkPool,
)
from legato._model.work_events import of_pool, of_queue, of_status, updates
from legato._model.work_pools import (
    AGENT_POOL,
    RESERVED,
    WorkPool,
    WorkPoolCreate,
    WorkPoolUpdate,
    status_of,
    template_problem,
)
from legato._model.work_queues import DEFAULT_QUEUE, WorkQueue
from legato._store import work_pools, work_queues, workers
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateWorkPool) -> WorkPool:
    """Create a pool with its default queue; raise Conflict if there is one of that name."""
    given = request.work_pool
    fault = fault_of_name("work pool", given.name if given.name.strip() else "")
    if fault is not None:
        raise InvalidRequest(f"name: {fault}")
    _check_allowed(given.name)
    _check(given)
    made, happened = begin(tx, now, given)
    if made is None:
        raise Conflict(f"There is a work pool {given.name!r} already; choose another name.")
    tell(tx, now, happened)
    return _read(tx, given.name)


def begin(
    tx: Transaction, now: datetime, given: WorkPoolCreate
) -> tuple[WorkPool | None, list[Happened]]:
    """Add a pool and its default queue if there is none of that name; the events are to be told."""
    fields = {name: getattr(given, name) for name in given.__struct_fields__}
    made = WorkPool(id=uuid4(), created=now, updated=now, default_queue_id=uuid4(), **fields)
    if not work_pools.create(tx, made):
        return None, []
    queue = WorkQueue(
        id=made.default_queue_id,
        created=now,
        updated=now,
        name=DEFAULT_QUEUE,
        description="The work pool's default queue.",
        work_pool_id=made.id,
        work_pool_name=made.name,
    )
    work_queues.create(tx, queue)
    happened = [of_queue("created", queue, made), of_pool("created", made)]
    return made, [*happened, of_status(made)]


def _check_allowed(name: str) -> None:
    if name.lower().startswith(RESERVED):
        raise ReservedName(
            f"name: Work pools whose names begin with {RESERVED!r} are kept for internal use,"
            f" unlike {name!r}; choose another name."
        )


def _check(given: WorkPoolCreate | WorkPoolUpdate) -> None:
    limit = given.concurrency_limit
    if isinstance(limit, int) and limit < 0:
        raise InvalidRequest(f"concurrency_limit: At least 0 runs, not {limit}.")
    if given.base_job_template is not UNSET:
        fault = template_problem(given.base_job_template)
        if fault is not None:
            raise InvalidRequest(f"base_job_template: {fault}")


def _read(tx: Transaction, name: str) -> WorkPool:
    found = work_pools.find(tx, name)
    if found is None:  # in the words that Prefect's clients know
        raise ObjectNotFound(f'Work pool "{name}" not found.')
    return found


def locked(tx: Transaction, name: str) -> WorkPool:
    """Return a pool that nobody else changes, nor its queues, until the end; or ObjectNotFound."""
    work_pools.lock(tx, name)
    return _read(tx, name)


def read(tx: Transaction, now: datetime, request: ReadWorkPool) -> WorkPool:
    """Return a pool; raise ObjectNotFound."""
    return _read(tx, request.work_pool_name)


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterWorkPools
) -> list[WorkPool]:
    """List pools by their names."""
    from legato._store.queries import work

    return work.pools(tx, request)


def count(tx: Transaction, now: datetime, request: CountWorkPools) -> int:
    """Count pools."""
    from legato._store.queries import work

    return work.count_pools(tx, request)


def update(tx: Transaction, now: datetime, request: UpdateWorkPool) -> None:
    """Change what is given of a pool; raise ObjectNotFound."""
    _check_allowed(request.work_pool_name)
    _check(request.work_pool)
    known = locked(tx, request.work_pool_name)
    given: dict[str, Any] = {
        name: value
        for name, value in structs.asdict(request.work_pool).items()
        if value is not UNSET
    }
    changed = structs.replace(known, **given, updated=now)
    changed.status = status_of(changed, ready=work_pools.is_ready(tx, known.id))
    work_pools.change(tx, changed)
    happened = [of_status(changed)] if changed.status is not known.status else []
    payload = updates(known, changed, set(given) - {"is_paused"})
    if payload:
        happened.append(of_pool("updated", changed, payload))
    tell(tx, now, happened)


def delete(tx: Transaction, now: datetime, request: DeleteWorkPool) -> None:
    """Delete a pool, its queues and its workers; raise ObjectNotFound."""
    _check_allowed(request.work_pool_name)
    known = locked(tx, request.work_pool_name)
    queues = work_queues.list_of_pool(tx, now, known.id)
    work_queues.delete(tx, [queue.id for queue in queues])
    workers.delete_of_pool(tx, known.id)
    work_pools.delete(tx, known.id)
    gone = [of_queue("deleted", queue, known) for queue in queues]
    tell(tx, now, [*gone, of_pool("deleted", known)])


def agent_pool(tx: Transaction, now: datetime) -> tuple[WorkPool, list[Happened]]:
    """Return the pool of queues that name none, made if need be; its events are to be told."""
    _, happened = begin(tx, now, WorkPoolCreate(name=AGENT_POOL))
    return _read(tx, AGENT_POOL), happened
