"""Events of work pools and work queues, under Prefect's names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from legato._model.events import POOL_TYPE, RESOURCE_ID, RESOURCE_NAME, ROLE, Resource
from legato._model.object_events import Happened, Verb
from legato._model.wire import jsonable
from legato._model.work_pools import WorkPool, WorkStatus
from legato._model.work_queues import WorkQueue


def pool_resource(pool: WorkPool) -> Resource:
    """Return a pool as a resource in the events of others."""
    return {
        RESOURCE_ID: f"prefect.work-pool.{pool.id}",
        RESOURCE_NAME: pool.name,
        POOL_TYPE: pool.type,
        ROLE: "work-pool",
    }


def queue_resource(queue: WorkQueue) -> Resource:
    """Return a queue as a resource in the events of others."""
    return {
        RESOURCE_ID: f"prefect.work-queue.{queue.id}",
        RESOURCE_NAME: queue.name,
        ROLE: "work-queue",
    }


def of_pool(verb: Verb, pool: WorkPool, payload: Mapping[str, Any] | None = None) -> Happened:
    """A pool was made, changed or deleted."""
    queue = {RESOURCE_ID: f"prefect.work-queue.{pool.default_queue_id}", ROLE: "default-queue"}
    labels = {POOL_TYPE: pool.type, ROLE: "work-pool"}
    return Happened("work-pool", pool.id, verb, pool.name, payload or {}, [queue], labels)


def of_status(pool: WorkPool) -> Happened:
    """A pool is ready, not ready or paused from now on."""
    verb = _said(pool.status or WorkStatus.NOT_READY)
    return Happened("work-pool", pool.id, verb, pool.name, {}, [], {POOL_TYPE: pool.type})


def of_queue(
    verb: Verb, queue: WorkQueue, pool: WorkPool, payload: Mapping[str, Any] | None = None
) -> Happened:
    """A queue was made, changed or deleted."""
    return _of_queue(verb, queue, pool, payload or {})


def of_queue_status(queue: WorkQueue, pool: WorkPool) -> Happened:
    """A queue is ready, not ready or paused from now on."""
    return _of_queue(_said(queue.status), queue, pool, {})


def _of_queue(verb: str, queue: WorkQueue, pool: WorkPool, payload: Mapping[str, Any]) -> Happened:
    around = [pool_resource(pool)]
    labels = {ROLE: "work-queue"}
    return Happened("work-queue", queue.id, verb, queue.name, payload, around, labels)


def _said(status: WorkStatus) -> str:
    return status.value.lower().replace("_", "-")


def updates(old: Struct, new: Struct, names: Collection[str]) -> dict[str, Any]:
    """Return the payload of a change of some fields; empty if none of them has another value."""
    changed = {
        name: {"from": jsonable(getattr(old, name)), "to": jsonable(getattr(new, name))}
        for name in sorted(names)
        if getattr(old, name) != getattr(new, name)
    }
    return {"updated_fields": list(changed), "updates": changed} if changed else {}
