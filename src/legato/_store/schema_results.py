"""The tables of stored results and of what stands for cache keys. Part of `schema.py`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)

from legato._store import schema_parts as p
from legato._store.schema_parts import metadata

result = Table(
    "result",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("flow_run_id"),
    p.text_("serializer", required=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("body", LargeBinary),
    p.text_("location"),
    p.at("created_at", required=True),
    p.at("expires_at"),
    p.ref("cache_entry_id"),
    **p.CLUSTERED,
)
Index("ix_result_flow_run_id", result.c.flow_run_id)
Index("ix_result_expires_at", result.c.expires_at, **p.where("expires_at IS NOT NULL"))

result_part = Table(
    "result_part",
    metadata,
    p.id_("result_id"),
    p.id_("upload_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    p.ws(),
    Column("body", LargeBinary, nullable=False),
    p.at("created_at", required=True),
)
Index("ix_result_part_begun", result_part.c.created_at, **p.where("number = 0"))

cache_entry = Table(
    "cache_entry",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("cache_key", required=True),
    p.ref("result_id", required=True),
    p.at("created_at", required=True),
    p.at("expires_at"),
    UniqueConstraint("ws", "cache_key"),
)
Index("ix_cache_entry_result_id", cache_entry.c.result_id)
Index("ix_cache_entry_expires_at", cache_entry.c.expires_at, **p.where("expires_at IS NOT NULL"))

task_run_cache = Table(
    "task_run_cache",
    metadata,
    p.id_("task_run_id"),
    p.ws(),
    p.text_("step_name", required=True),
    p.at("at", required=True),
    p.text_("outcome", required=True),
    *p.texts("cache_key", "parts", "problem"),
    Column("expiration_us", p.Micros),
    p.ref("result_id"),
)
Index(
    "ix_task_run_cache_of_task",
    task_run_cache.c.ws,
    task_run_cache.c.step_name,
    task_run_cache.c.at,
    **p.where("cache_key IS NOT NULL"),
)
Index(
    "ix_task_run_cache_made",
    task_run_cache.c.ws,
    task_run_cache.c.cache_key,
    task_run_cache.c.at,
    **p.where("outcome <> 'hit'"),
)
Index(
    "ix_task_run_cache_result_id",
    task_run_cache.c.result_id,
    **p.where("result_id IS NOT NULL"),
)
