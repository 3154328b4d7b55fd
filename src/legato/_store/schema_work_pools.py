"""The tables of work pools, their queues and their workers. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, UniqueConstraint

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

work_pool = Table(
    "work_pool",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.text_("type", required=True),
    p.number("is_paused"),
    Column("concurrency_limit", Integer),
    p.ref("default_queue_id", required=True),
    p.text_("details", required=True),
    # whether a worker of it was online when that was looked at last
    p.number("is_ready", "0"),
    UniqueConstraint("ws", "name"),
)

work_queue = Table(
    "work_queue",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("work_pool_id", required=True),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.text_("description"),
    p.number("is_paused"),
    p.number("priority"),
    Column("concurrency_limit", Integer),
    p.at("last_polled_at"),
    # whether it was polled lately when that was looked at last
    p.number("is_ready", "0"),
    UniqueConstraint("work_pool_id", "name"),
)

worker = Table(
    "worker",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("work_pool_id", required=True),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.at("last_heartbeat_at", required=True),
    Column("heartbeat_interval_seconds", Integer),
    p.at("offline_at", required=True),
    UniqueConstraint("work_pool_id", "name"),
)
