"""Columns of variables, artifacts, limits and their leases, as `columns.py` has those of runs."""

from __future__ import annotations

VARIABLE = ("id", "created_at", "updated_at", "name", "value", "tags")
VARIABLE_CREATE = (*VARIABLE, "ws")

ARTIFACT = (
    "id",
    "created_at",
    "updated_at",
    "key",
    "type",
    "description",
    "data",
    "metadata",
    "flow_run_id",
    "task_run_id",
)
ARTIFACT_CREATE = (*ARTIFACT, "ws")
COLLECTION_CREATE = ("id", "ws", "key", "latest_id", "latest_at", "created_at")

INPUT = ("id", "flow_run_id", "key", "value", "sender", "created_at")
INPUT_CREATE = ("id", "ws", *INPUT[1:])

LIMIT = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "slots",
    "active",
    "slot_decay_per_second",
    "used",
    "used_at",
)
LIMIT_CREATE = (*LIMIT, "ws")
LEASE = (
    "id",
    "ws",
    "kind",
    "subject",
    "holder_writer",
    "epoch",
    "expires_at",
    "grant_id",
    "asked_at",
    "slots",
    "run_kind",
    "run_id",
)
GRANT = ("grant_id", "kind", "subject", "slots", "asked_at")

DEPLOYMENT = (
    "id",
    "created_at",
    "updated_at",
    "flow_id",
    "name",
    "paused",
    "tags",
    "details",
    "work_queue_id",
    "work_queue_name",
)
DEPLOYMENT_CREATE = (*DEPLOYMENT, "ws")

WORK_POOL = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "type",
    "is_paused",
    "concurrency_limit",
    "default_queue_id",
    "details",
    "is_ready",
)
WORK_POOL_CREATE = (*WORK_POOL, "ws")
WORK_QUEUE = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "description",
    "is_paused",
    "concurrency_limit",
    "priority",
    "work_pool_id",
    "last_polled_at",
)
WORK_QUEUE_CREATE = (*WORK_QUEUE, "ws")
WORKER = (
    "id",
    "created_at",
    "updated_at",
    "name",
    "work_pool_id",
    "last_heartbeat_at",
    "heartbeat_interval_seconds",
    "offline_at",
)
WORKER_CREATE = (*WORKER, "ws")

SAVED_SEARCH = ("id", "created_at", "updated_at", "name", "filters")
SAVED_SEARCH_CREATE = (*SAVED_SEARCH, "ws")
