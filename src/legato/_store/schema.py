"""The tables, as SQLAlchemy Core. Read by migrations, `scripts/generate` and dynamic queries only.

Ids are `uuid` or BLOB(16), times BIGINT microseconds since 1970 UTC, durations BIGINT
microseconds, JSON is TEXT that no SQL looks into (NULL: empty). `ws` is the workspace. A run has
an `end_at` exactly while its state is terminal, so `end_at IS NULL` is "live". Lists are read
backwards, `ORDER BY sort_at DESC, id DESC`: an index that grows at its end is cheaper to fill.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

from legato._model import transitions
from legato._store.checks import legal_steps, one_of_types

SCHEMA = 1

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)
log_position = Sequence("log_position", metadata=metadata, start=1, cache=1)

Uid = LargeBinary(16).with_variant(postgresql.UUID(), "postgresql")
Micros = BigInteger
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}


def _id(name: str = "id") -> Column[Any]:
    return Column(name, Uid, primary_key=True)


def _ref(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Uid, nullable=not required)


def _ws() -> Column[Any]:
    return Column("ws", Integer, nullable=False)


def _text(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=not required)


def _at(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Micros, nullable=not required)


def _number(name: str, default: str | None = None) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=default)


def _texts(*names: str) -> list[Column[Any]]:
    return [_text(name) for name in names]


def _standing() -> list[Column[Any]]:
    """Where a run stands: its last transition and what follows from all of them."""
    return [
        _number("version"),
        _number("epoch"),
        _ref("state_id"),
        _text("state_type"),
        *_texts("state_name", "state_message", "state_details"),
        _at("state_at"),
        _ref("result_id"),
        _number("run_count", "0"),
        _at("expected_at"),
        _at("next_scheduled_at"),
        _at("start_at"),
        _at("end_at"),
        Column("total_run_us", Micros, nullable=False, server_default="0"),
        _at("sort_at", required=True),
    ]


def _history(run: str) -> list[Column[Any]]:
    """One transition. `version` is NULL for what a closed attempt still reported."""
    return [
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        _ws(),
        _ref(run, required=True),
        Column("version", Integer),
        _number("epoch"),
        Column("opens", SmallInteger, nullable=False, server_default="0"),
        _ref("state_id", required=True),
        Column("from_type", Text, nullable=False, server_default=""),
        _text("type", required=True),
        _text("name", required=True),
        *_texts("message", "details"),
        _at("at", required=True),
        _ref("result_id"),
    ]


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _number("schema"),
    _number("min_writer"),
    _number("min_reader"),
    Column("next_position", BigInteger, nullable=False, server_default="1"),
    _at("alive_at"),
    CheckConstraint("id = 1", name="one_row"),
)

flow = Table(
    "flow",
    metadata,
    _id(),
    _ws(),
    _text("name", required=True),
    _at("created_at", required=True),
    _at("updated_at", required=True),
    *_texts("tags", "labels"),
    UniqueConstraint("ws", "name"),
)

flow_run = Table(
    "flow_run",
    metadata,
    _id(),
    _ws(),
    _ref("flow_id", required=True),
    _text("name", required=True),
    _at("created_at", required=True),
    _at("updated_at", required=True),
    *_standing(),
    *_texts("flow_version", "parameters", "context", "policy", "tags", "labels"),
    _text("idempotency_key"),
    _ref("parent_task_run_id"),
    _ref("root_flow_run_id"),
    _ref("deployment_id"),
    _text("deployment_version"),
    _ref("work_queue_id"),
    _text("work_queue_name"),
    _ref("work_pool_id"),
    _text("work_pool_name"),
    *_texts("job_variables", "created_by"),
    _ref("infrastructure_document_id"),
    _text("infrastructure_pid"),
    Column("auto_scheduled", SmallInteger, nullable=False, server_default="0"),
    Column("offline", SmallInteger, nullable=False, server_default="0"),
    _text("wait_code"),
    _at("wait_since"),
    CheckConstraint(one_of_types("state_type"), name="state_type"),
)
Index("ix_flow_run_list", flow_run.c.ws, flow_run.c.sort_at, flow_run.c.id)
Index("ix_flow_run_of_flow", flow_run.c.ws, flow_run.c.flow_id, flow_run.c.sort_at)
Index("ix_flow_run_live", flow_run.c.ws, flow_run.c.state_type, **_where("end_at IS NULL"))
Index(
    "uq_flow_run_idempotency_key",
    flow_run.c.ws,
    flow_run.c.flow_id,
    flow_run.c.idempotency_key,
    unique=True,
    **_where("idempotency_key IS NOT NULL"),
)
Index(
    "ix_flow_run_parent",
    flow_run.c.parent_task_run_id,
    **_where("parent_task_run_id IS NOT NULL"),
)
Index("ix_flow_run_root", flow_run.c.root_flow_run_id, **_where("root_flow_run_id IS NOT NULL"))

task_run = Table(
    "task_run",
    metadata,
    _id(),
    _ws(),
    _ref("flow_run_id"),
    _ref("writer_id", required=True),
    _text("name", required=True),
    _text("task_key", required=True),
    _text("dynamic_key", required=True),
    _at("created_at", required=True),
    _at("updated_at", required=True),
    *_standing(),
    *_texts("task_version", "task_inputs", "policy", "tags", "labels"),
    _text("cache_key"),
    _at("cache_expires_at"),
    *_texts("code_hash", "argument_hash", "environment_hash"),
    _number("flow_run_run_count", "0"),
    _ref("child_flow_run_id"),
    UniqueConstraint("flow_run_id", "dynamic_key"),
    **CLUSTERED,
)
Index("ix_task_run_list", task_run.c.ws, task_run.c.sort_at, task_run.c.id)
Index("ix_task_run_live", task_run.c.writer_id, **_where("end_at IS NULL"))

flow_run_state = Table(
    "flow_run_state",
    metadata,
    *_history("flow_run_id"),
    UniqueConstraint("flow_run_id", "version"),
    CheckConstraint(legal_steps(transitions.FLOW_RUN), name="step"),
)
Index("ix_flow_run_state_state_id", flow_run_state.c.state_id)

task_run_state = Table(
    "task_run_state",
    metadata,
    *_history("task_run_id"),
    UniqueConstraint("task_run_id", "version"),
    CheckConstraint(legal_steps(transitions.TASK_RUN), name="step"),
)


def _tags(name: str) -> Table:
    table = Table(
        name,
        metadata,
        Column("ws", Integer, primary_key=True, autoincrement=False),
        Column("tag", Text, primary_key=True),
        _id("run_id"),
        **CLUSTERED,
    )
    Index(f"ix_{name}_run_id", table.c.run_id)
    return table


flow_run_tag = _tags("flow_run_tag")
task_run_tag = _tags("task_run_tag")

attempt = Table(
    "attempt",
    metadata,
    _id("flow_run_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _ws(),
    _ref("writer_id", required=True),
    _text("host", required=True),
    Column("pid", Integer, nullable=False),
    _text("code_version"),
    _at("opened_at", required=True),
    _at("closed_at"),
    _text("cause"),
    **CLUSTERED,
)
Index("ix_attempt_open", attempt.c.writer_id, **_where("closed_at IS NULL"))

writer = Table(
    "writer",
    metadata,
    _id(),
    _text("host", required=True),
    Column("pid", Integer, nullable=False),
    Column("pid_start", BigInteger),
    _text("pid_namespace"),
    _at("opened_at", required=True),
    Column("last_seq", BigInteger, nullable=False, server_default="0"),
    Column("quarantined", BigInteger, nullable=False, server_default="0"),
    _at("seen_at"),
    **CLUSTERED,
)

log = Table(
    "log",
    metadata,
    _id("flow_run_id"),
    _id("writer_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    _ws(),
    _ref("task_run_id"),
    Column("level", Integer, nullable=False),
    _text("name", required=True),
    _text("message", required=True),
    Column("damaged", SmallInteger, nullable=False, server_default="0"),
    _at("at", required=True),
    **CLUSTERED,
)

result = Table(
    "result",
    metadata,
    _id(),
    _ws(),
    _ref("flow_run_id"),
    _text("serializer", required=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("body", LargeBinary),
    _text("location"),
    _at("created_at", required=True),
    _at("expires_at"),
    _ref("cache_entry_id"),
    **CLUSTERED,
)
Index("ix_result_flow_run_id", result.c.flow_run_id)

quarantine = Table(
    "quarantine",
    metadata,
    _id("writer_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _ws(),
    _ref("flow_run_id"),
    _text("kind", required=True),
    _text("error", required=True),
    _text("body"),
    _at("at", required=True),
    **CLUSTERED,
)

cache_entry = Table(
    "cache_entry",
    metadata,
    _id(),
    _ws(),
    _text("cache_key", required=True),
    _ref("result_id", required=True),
    _at("created_at", required=True),
    _at("expires_at"),
    UniqueConstraint("ws", "cache_key"),
)

lease = Table(
    "lease",
    metadata,
    _id(),
    _ws(),
    _text("kind", required=True),
    _ref("subject", required=True),
    _ref("holder_writer", required=True),
    _number("epoch"),
    _at("expires_at", required=True),
)
Index("ix_lease_subject", lease.c.ws, lease.c.kind, lease.c.subject)
Index("ix_lease_expires_at", lease.c.expires_at)

timer = Table(
    "timer",
    metadata,
    _id(),
    _ws(),
    _at("due_at", required=True),
    _text("kind", required=True),
    _ref("subject", required=True),
    _number("epoch"),
    UniqueConstraint("ws", "kind", "subject", "epoch"),
)
Index("ix_timer_due_at", timer.c.due_at)

idempotency = Table(
    "idempotency",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("status", Integer, nullable=False),
    _text("body"),
    _at("expires_at", required=True),
    **CLUSTERED,
)
Index("ix_idempotency_expires_at", idempotency.c.expires_at)

event = Table(
    "event",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    _ws(),
    _ref("event_id", required=True),
    _text("event", required=True),
    _at("occurred_at", required=True),
    _at("received_at", required=True),
    _text("resource_id", required=True),
    _ref("follows"),
    *_texts("resource", "related", "payload"),
    UniqueConstraint("ws", "event_id", "day"),
    **CLUSTERED,
)

event_resource = Table(
    "event_resource",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("resource_id", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    _text("role"),
    **CLUSTERED,
)
