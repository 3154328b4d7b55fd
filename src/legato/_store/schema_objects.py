"""The tables of what is named and shared: variables, artifacts, limits. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, SmallInteger, Table, UniqueConstraint

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

variable = Table(
    "variable",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.text_("value", required=True),
    p.text_("tags"),
    UniqueConstraint("ws", "name"),
)

artifact = Table(
    "artifact",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("key"),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    *p.texts("type", "description", "data", "metadata"),
    p.ref("flow_run_id"),
    p.ref("task_run_id"),
)
Index("ix_artifact_list", artifact.c.ws, artifact.c.created_at, artifact.c.id)
Index(
    "ix_artifact_versions",
    artifact.c.ws,
    artifact.c.key,
    artifact.c.created_at,
    **p.where("key IS NOT NULL"),
)
Index(
    "ix_artifact_flow_run_id",
    artifact.c.flow_run_id,
    **p.where("flow_run_id IS NOT NULL"),
)
Index(
    "ix_artifact_task_run_id",
    artifact.c.task_run_id,
    **p.where("task_run_id IS NOT NULL"),
)

artifact_collection = Table(
    "artifact_collection",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("key", required=True),
    p.ref("latest_id", required=True),
    p.at("latest_at", required=True),
    p.at("created_at", required=True),
    UniqueConstraint("ws", "key"),
)

concurrency_limit = Table(
    "concurrency_limit",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    p.number("slots"),
    Column("active", SmallInteger, nullable=False, server_default="1"),
    Column("slot_decay_per_second", Double, nullable=False, server_default="0"),
    Column("used", Double, nullable=False, server_default="0"),
    p.at("used_at", required=True),
    UniqueConstraint("ws", "name"),
)
