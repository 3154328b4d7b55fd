"""The table of deployments. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import Table, UniqueConstraint

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

deployment = Table(
    "deployment",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("flow_id", required=True),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.number("paused"),
    p.text_("tags"),
    p.text_("details", required=True),
    p.ref("work_queue_id"),
    p.text_("work_queue_name"),
    p.at("last_polled_at"),
    UniqueConstraint("flow_id", "name"),
)
