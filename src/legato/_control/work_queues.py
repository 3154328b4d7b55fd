"""Operations on work queues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from msgspec import UNSET, structs

from legato._control.object_events import tell
from legato._control.work_pools import agent_pool, locked
from legato._control.work_pools import read as read_pool
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.naming import fault_of_name
from legato._model.object_events import Happened
from legato._model.operations.work_pools import ReadWorkPool
from legato._model.operations.work_queues import (
    CreateAgentQueue,
    CreateWorkQueue,
    DeleteWorkQueue,
    DeleteWorkQueueOfPool,
    FilterWorkQueues,
    FilterWorkQueuesOfPool,
    ReadWorkQueue,
    ReadWorkQueueByName,
    ReadWorkQueueOfPool,
    ReadWorkQueueStatus,
    UpdateWorkQueue,
    UpdateWorkQueueOfPool,
)
from legato._model.work_events import of_queue, of_queue_status, updates
from legato._model.work_pools import AGENT_POOL, WorkPool, WorkStatus, job_variable_problems
from legato._model.work_queues import (
    HealthPolicy,
    WorkQueue,
    WorkQueueCreate,
    WorkQueueHealth,
    WorkQueueUpdate,
    free_rank,
    moved_by,
    status_of,
)
from legato._store import work_queues
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateWorkQueue) -> WorkQueue:
    """Create a queue in a pool; raise ObjectNotFound, or Conflict for a name that is taken."""
    pool = locked(tx, request.work_pool_name)
    made = begin(tx, now, pool, request.work_queue)
    tell(tx, now, [of_queue("created", made, pool)])
    return _read(tx, now, made.id)


def create_for_agents(tx: Transaction, now: datetime, request: CreateAgentQueue) -> WorkQueue:
    """Create a queue in the pool of queues that name none; raise Conflict for a taken name."""
    _, happened = agent_pool(tx, now)
    pool = locked(tx, AGENT_POOL)
    made = begin(tx, now, pool, request.work_queue)
    tell(tx, now, [*happened, of_queue("created", made, pool)])
    return _read(tx, now, made.id)


def begin(tx: Transaction, now: datetime, pool: WorkPool, given: WorkQueueCreate) -> WorkQueue:
    """Add a queue to a pool that is locked; its event is to be told. Raises Conflict."""
    _check(given)
    ranks = work_queues.list_ranks(tx, pool.id)
    made = WorkQueue(
        id=uuid4(),
        created=now,
        updated=now,
        name=given.name,
        description=given.description or "",
        is_paused=given.is_paused,
        concurrency_limit=given.concurrency_limit,
        priority=given.priority or free_rank(ranks),
        work_pool_id=pool.id,
        work_pool_name=pool.name,
    )
    if not work_queues.create(tx, made):
        raise _taken(pool, given.name)
    _move(tx, moved_by(ranks, made.priority))
    return made


def _move(tx: Transaction, ranks: dict[UUID, int]) -> None:
    for queue_id, rank in ranks.items():
        work_queues.set_rank(tx, queue_id, rank)


def _taken(pool: WorkPool, name: str) -> Conflict:
    return Conflict(
        f"There is a work queue {name!r} already in work pool {pool.name!r}; choose another name."
    )


def _check(given: WorkQueueCreate | WorkQueueUpdate) -> None:
    fault = None if given.name is UNSET else fault_of_name("work queue", given.name)
    if fault is not None:
        raise InvalidRequest(f"name: {fault}")
    limit, rank = given.concurrency_limit, given.priority
    if isinstance(limit, int) and limit < 0:
        raise InvalidRequest(f"concurrency_limit: At least 0 runs, not {limit}.")
    if isinstance(rank, int) and rank < 1:
        raise InvalidRequest(f"priority: 1 is served first; it cannot be {rank}.")


def _read(tx: Transaction, now: datetime, queue_id: UUID) -> WorkQueue:
    found = work_queues.find(tx, now, queue_id)
    if found is None:
        raise ObjectNotFound(f"There is no work queue {queue_id}.")
    return found


def read(tx: Transaction, now: datetime, request: ReadWorkQueue) -> WorkQueue:
    """Return a queue; raise ObjectNotFound."""
    return _read(tx, now, request.work_queue_id)


def read_of_pool(tx: Transaction, now: datetime, request: ReadWorkQueueOfPool) -> WorkQueue:
    """Return a queue of a pool; raise ObjectNotFound."""
    pool = read_pool(tx, now, ReadWorkPool(work_pool_name=request.work_pool_name))
    found = work_queues.find_of_pool(tx, now, pool.id, request.name)
    if found is None:  # in the words that Prefect's clients know
        place = f"{request.work_pool_name}/{request.name}"
        raise ObjectNotFound(f"Work pool queue {place!r} not found.")
    return found


def read_by_name(tx: Transaction, now: datetime, request: ReadWorkQueueByName) -> WorkQueue:
    """Return a queue of a name, whatever its pool; raise ObjectNotFound."""
    found = work_queues.find_by_name(tx, now, request.name, AGENT_POOL)
    if found is None:
        raise ObjectNotFound(f"There is no work queue {request.name!r}.")
    return found


def read_status(tx: Transaction, now: datetime, request: ReadWorkQueueStatus) -> WorkQueueHealth:
    """Tell whether the runs of a queue are fetched; raise ObjectNotFound."""
    from legato._store.queries import work

    queue = _read(tx, now, request.work_queue_id)
    late, polled = work.count_late(tx, queue.id), status_of(queue, now) is WorkStatus.READY
    return WorkQueueHealth(
        healthy=polled and not late,
        late_runs_count=late,
        last_polled=queue.last_polled,
        health_check_policy=HealthPolicy(),
    )


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterWorkQueues
) -> list[WorkQueue]:
    """List the queues of all pools by their names."""
    from legato._store.queries import work

    return work.queues(tx, now, request)


def filter_of_pool(
    tx: Transaction, now: datetime, request: FilterWorkQueuesOfPool
) -> list[WorkQueue]:
    """List the queues of a pool by their rank; raise ObjectNotFound."""
    from legato._store.queries import work

    pool = read_pool(tx, now, ReadWorkPool(work_pool_name=request.work_pool_name))
    return work.queues(tx, now, request, pool.id)


def update(tx: Transaction, now: datetime, request: UpdateWorkQueue) -> None:
    """Change what is given of a queue; raise ObjectNotFound, or Conflict for a taken name."""
    _change(tx, now, _read(tx, now, request.work_queue_id), request.work_queue)


def update_of_pool(tx: Transaction, now: datetime, request: UpdateWorkQueueOfPool) -> None:
    """Change what is given of a queue of a pool; raise ObjectNotFound or Conflict."""
    asked = ReadWorkQueueOfPool(work_pool_name=request.work_pool_name, name=request.name)
    _change(tx, now, read_of_pool(tx, now, asked), request.work_queue)


def _change(tx: Transaction, now: datetime, queue: WorkQueue, asked: WorkQueueUpdate) -> None:
    _check(asked)
    pool = locked(tx, queue.work_pool_name)
    known = _read(tx, now, queue.id)
    given: dict[str, Any] = {
        name: value for name, value in structs.asdict(asked).items() if value is not UNSET
    }
    changed = structs.replace(known, **given, updated=now)
    if changed.name != known.name and work_queues.find_of_pool(tx, now, pool.id, changed.name):
        raise _taken(pool, changed.name)
    changed.status = status_of(changed, now)
    work_queues.change(tx, changed)
    if changed.priority != known.priority:
        ranks = work_queues.list_ranks(tx, pool.id)
        del ranks[known.id]
        _move(tx, {**moved_by(ranks, changed.priority), known.id: changed.priority})
    payload = updates(known, changed, set(given) - {"is_paused", "last_polled"})
    happened = [of_queue("updated", changed, pool, payload)] if payload else []
    if changed.status is not known.status:
        happened.append(of_queue_status(changed, pool))
    tell(tx, now, happened)


def delete(tx: Transaction, now: datetime, request: DeleteWorkQueue) -> None:
    """Delete a queue; raise ObjectNotFound, or Conflict for a pool's default queue."""
    _delete(tx, now, _read(tx, now, request.work_queue_id))


def delete_of_pool(tx: Transaction, now: datetime, request: DeleteWorkQueueOfPool) -> None:
    """Delete a queue of a pool; raise ObjectNotFound, or Conflict for its default queue."""
    asked = ReadWorkQueueOfPool(work_pool_name=request.work_pool_name, name=request.name)
    _delete(tx, now, read_of_pool(tx, now, asked))


def _delete(tx: Transaction, now: datetime, queue: WorkQueue) -> None:
    pool = locked(tx, queue.work_pool_name)
    if pool.default_queue_id == queue.id:
        raise Conflict(
            f"{queue.name!r} is the default queue of work pool {pool.name!r} and stays as long as"
            " the pool; delete the pool, or pause the queue."
        )
    work_queues.delete(tx, [queue.id])
    tell(tx, now, [of_queue("deleted", queue, pool)])


class Placed(NamedTuple):
    """Where runs wait, and the events of what was made for that, which are to be told."""

    pool: WorkPool
    queue: WorkQueue
    happened: list[Happened]


def place(
    tx: Transaction,
    now: datetime,
    pool_name: str | None,
    queue_name: str | None,
    job_variables: Mapping[str, Any],
) -> Placed:
    """Return the pool and the queue of these names, a queue made if need be.

    Without a queue's name it is the pool's default queue. Raises ObjectNotFound if there is no
    such pool, InvalidRequest if no job of it takes the variables.
    """
    happened: list[Happened] = []
    if pool_name is None:
        pool, happened = agent_pool(tx, now)
    else:
        pool = read_pool(tx, now, ReadWorkPool(work_pool_name=pool_name))
    problems = job_variable_problems(pool.base_job_template, job_variables)
    if problems:
        raise InvalidRequest(f"job_variables: {'; '.join(problems)}, says work pool {pool.name!r}.")
    if queue_name is None:
        return Placed(pool, _read(tx, now, pool.default_queue_id), happened)
    queue = work_queues.find_of_pool(tx, now, pool.id, queue_name)
    if queue is None:
        pool = locked(tx, pool.name)
        queue = work_queues.find_of_pool(tx, now, pool.id, queue_name)
    if queue is None:
        queue = begin(tx, now, pool, WorkQueueCreate(name=queue_name))
        happened = [*happened, of_queue("created", queue, pool)]
    return Placed(pool, queue, happened)
