"""The tables, as SQLAlchemy Core. Read by migrations and `scripts/generate` only.

Ids are `uuid` or BLOB(16), times BIGINT microseconds since 1970 UTC, durations BIGINT
microseconds, JSON is TEXT that no SQL looks into (NULL: empty). `ws` is the workspace. A run has
an `end_at` exactly while its state is terminal, so `end_at IS NULL` is "live". Lists are read
backwards, `ORDER BY sort_at DESC, id DESC`: an index that grows at its end is cheaper to fill.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from legato._model import transitions
from legato._store import schema_parts as p
from legato._store.checks import UNCOMMON, UNCOMMON_TYPE, UNHAPPY, legal_steps, one_of_types
from legato._store.schema_ahead import ahead
from legato._store.schema_deployments import deployment
from legato._store.schema_duties import tally, tally_count, timer
from legato._store.schema_environments import environment
from legato._store.schema_events import event, event_label, event_resource
from legato._store.schema_inputs import configuration, flow_run_input, saved_search
from legato._store.schema_logs import log_arrival
from legato._store.schema_objects import artifact, artifact_collection, concurrency_limit, variable
from legato._store.schema_parts import Uid, metadata
from legato._store.schema_results import cache_entry, result, result_part, task_run_cache
from legato._store.schema_work_pools import work_pool, work_queue, worker

__all__ = [
    "Uid",
    "ahead",
    "artifact",
    "artifact_collection",
    "cache_entry",
    "concurrency_limit",
    "configuration",
    "deployment",
    "environment",
    "event",
    "event_label",
    "event_resource",
    "flow_run_input",
    "log_arrival",
    "metadata",
    "result",
    "result_part",
    "saved_search",
    "tally",
    "tally_count",
    "task_run_cache",
    "timer",
    "variable",
    "work_pool",
    "work_queue",
    "worker",
]

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    p.number("schema"),
    p.number("min_writer"),
    p.number("min_reader"),
    Column("next_position", BigInteger, nullable=False, server_default="1"),
    p.at("alive_at"),
    Column("retained_after", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("id = 1", name="one_row"),
)

flow = Table(
    "flow",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    *p.texts("tags", "labels"),
    UniqueConstraint("ws", "name"),
)

flow_run = Table(
    "flow_run",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("flow_id", required=True),
    p.text_("name", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    *p.standing(),
    *p.texts("flow_version", "parameters", "context", "policy", "tags", "labels"),
    p.text_("idempotency_key"),
    p.ref("parent_task_run_id"),
    p.ref("root_flow_run_id"),
    p.ref("deployment_id"),
    p.text_("deployment_version"),
    p.ref("work_queue_id"),
    p.text_("work_queue_name"),
    p.ref("work_pool_id"),
    p.text_("work_pool_name"),
    *p.texts("job_variables", "created_by"),
    p.ref("infrastructure_document_id"),
    p.text_("infrastructure_pid"),
    Column("auto_scheduled", SmallInteger, nullable=False, server_default="0"),
    Column("offline", SmallInteger, nullable=False, server_default="0"),
    p.text_("wait_code"),
    p.at("wait_since"),
    p.text_("entrypoint"),
    Column("durable", SmallInteger, nullable=False, server_default="0"),
    p.ref("rerun_of"),
    p.ref("parameters_id"),
    CheckConstraint(one_of_types("state_type"), name="state_type"),
)
Index("ix_flow_run_list", flow_run.c.ws, flow_run.c.sort_at, flow_run.c.id)
Index("ix_flow_run_of_flow", flow_run.c.ws, flow_run.c.flow_id, flow_run.c.sort_at)
Index(
    "ix_flow_run_of_state",
    flow_run.c.ws,
    flow_run.c.state_type,
    flow_run.c.sort_at,
    **p.where(UNHAPPY),
)
# Of the other orders of pages, and of counts that look at nothing but the index.
Index("ix_flow_run_name", flow_run.c.ws, flow_run.c.name, flow_run.c.id)
Index(
    "ix_flow_run_expected",
    flow_run.c.ws,
    flow_run.c.expected_at,
    flow_run.c.id,
    flow_run.c.state_type,
)
Index(
    "ix_flow_run_start",
    flow_run.c.ws,
    flow_run.c.start_at,
    flow_run.c.state_type,
    **p.where("start_at IS NOT NULL"),
)
Index(
    "ix_flow_run_end",
    flow_run.c.ws,
    flow_run.c.end_at,
    flow_run.c.id,
    **p.where("end_at IS NOT NULL"),
)
Index(
    "ix_flow_run_next",
    flow_run.c.ws,
    flow_run.c.next_scheduled_at,
    flow_run.c.id,
    **p.where("next_scheduled_at IS NOT NULL"),
)
Index(
    "ix_flow_run_scheduled",
    flow_run.c.ws,
    flow_run.c.expected_at,
    flow_run.c.id,
    **p.where("state_type = 'SCHEDULED'"),
)
Index("ix_flow_run_live", flow_run.c.ws, flow_run.c.state_type, **p.where("end_at IS NULL"))
Index(
    "uq_flow_run_idempotency_key",
    flow_run.c.ws,
    flow_run.c.flow_id,
    flow_run.c.idempotency_key,
    unique=True,
    **p.where("idempotency_key IS NOT NULL"),
)
Index(
    "ix_flow_run_of_deployment",
    flow_run.c.ws,
    flow_run.c.deployment_id,
    flow_run.c.sort_at,
    **p.where("deployment_id IS NOT NULL"),
)
Index(
    "ix_flow_run_of_work_pool",
    flow_run.c.ws,
    flow_run.c.work_pool_id,
    flow_run.c.sort_at,
    **p.where("work_pool_id IS NOT NULL"),
)
for _column in (flow_run.c.work_queue_id, flow_run.c.deployment_id):
    _due = p.where(f"state_type = 'SCHEDULED' AND {_column.name} IS NOT NULL")
    _order = (_column, flow_run.c.next_scheduled_at, flow_run.c.id)
    Index(f"ix_flow_run_due_{_column.name}", *_order, **_due)
Index(
    "ix_flow_run_parent",
    flow_run.c.parent_task_run_id,
    **p.where("parent_task_run_id IS NOT NULL"),
)

task_run = Table(
    "task_run",
    metadata,
    p.id_(),
    p.ws(),
    p.ref("flow_run_id"),
    p.ref("writer_id", required=True),
    p.text_("name", required=True),
    p.text_("task_key", required=True),
    p.text_("dynamic_key", required=True),
    p.at("created_at", required=True),
    p.at("updated_at", required=True),
    *p.standing(),
    *p.texts("task_version", "task_inputs", "policy", "tags", "labels"),
    p.text_("cache_key"),
    p.at("cache_expires_at"),
    *p.texts("code_hash", "argument_hash", "environment_hash"),
    p.number("flow_run_run_count", "0"),
    p.ref("child_flow_run_id"),
    # a plain result of at most 1 KiB; `result_id` is the run's own id then
    Column("result_body", LargeBinary),
    # of a durable run: what the step was called with, as JSON of at most 4 KiB
    p.text_("arguments"),
    **p.CLUSTERED,
)
# Step keys are random in their middle. An index on those of every run writes a page for each task
# of a long run, so it holds only what somebody else than the run's own process created.
Index("ix_task_run_of_flow_run", task_run.c.flow_run_id)
Index(
    "uq_task_run_dynamic_key",
    task_run.c.flow_run_id,
    task_run.c.dynamic_key,
    task_run.c.task_key,
    unique=True,
    **p.where("epoch = 0"),
)
Index("ix_task_run_expected", task_run.c.ws, task_run.c.expected_at, task_run.c.id)
Index(
    "ix_task_run_start",
    task_run.c.ws,
    task_run.c.start_at,
    task_run.c.state_type,
    **p.where("start_at IS NOT NULL"),
)
for _name, _column in (("end", task_run.c.end_at), ("next", task_run.c.next_scheduled_at)):
    _known = p.where(f"{_column.name} IS NOT NULL")
    Index(f"ix_task_run_{_name}", task_run.c.ws, _column, task_run.c.id, **_known)
Index("ix_task_run_live", task_run.c.writer_id, **p.where("end_at IS NULL"))

flow_run_state = Table(
    "flow_run_state",
    metadata,
    *p.history("flow_run_id"),
    UniqueConstraint("flow_run_id", "version"),
    CheckConstraint(legal_steps(transitions.FLOW_RUN), name="step"),
)
Index("ix_flow_run_state_state_id", flow_run_state.c.state_id)

task_run_state = Table(
    "task_run_state",
    metadata,
    *p.history("task_run_id"),
    UniqueConstraint("task_run_id", "version"),
    CheckConstraint(legal_steps(transitions.TASK_RUN), name="step"),
)
for _states in (flow_run_state, task_run_state):
    _ws, _at = _states.c.ws, _states.c.at
    Index(f"ix_{_states.name}_at", _ws, _at)
    Index(f"ix_{_states.name}_uncommon", _ws, _states.c.name, _at, **p.where(UNCOMMON))
    Index(f"ix_{_states.name}_of_type", _ws, _states.c.type, _at, **p.where(UNCOMMON_TYPE))


def _tags(name: str) -> Table:
    table = Table(
        name,
        metadata,
        Column("ws", Integer, primary_key=True, autoincrement=False),
        Column("tag", Text, primary_key=True),
        p.id_("run_id"),
        **p.CLUSTERED,
    )
    Index(f"ix_{name}_run_id", table.c.run_id)
    return table


flow_run_tag = _tags("flow_run_tag")
task_run_tag = _tags("task_run_tag")

attempt = Table(
    "attempt",
    metadata,
    p.id_("flow_run_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    p.ws(),
    p.ref("writer_id", required=True),
    p.text_("host", required=True),
    Column("pid", Integer, nullable=False),
    p.text_("code_version"),
    p.at("opened_at", required=True),
    p.at("closed_at"),
    p.text_("cause"),
    p.text_("code_files"),
    # smaller than `number` where a holder has come back whose lease had expired: since which
    # attempt its records count
    Column("first_number", Integer),
    **p.CLUSTERED,
)
Index("ix_attempt_open", attempt.c.writer_id, **p.where("closed_at IS NULL"))
Index("ix_attempt_expired", attempt.c.writer_id, **p.where("cause = 'expired'"))

writer = Table(
    "writer",
    metadata,
    p.id_(),
    p.text_("host", required=True),
    Column("pid", Integer, nullable=False),
    Column("pid_start", BigInteger),
    p.text_("pid_namespace"),
    p.at("opened_at", required=True),
    Column("last_seq", BigInteger, nullable=False, server_default="0"),
    Column("quarantined", BigInteger, nullable=False, server_default="0"),
    p.at("seen_at"),
    p.ref("environment_id"),
    # how long a lease of its attempts lasts; NULL: a lock on its machine says that it lives
    Column("lease_us", BigInteger),
    **p.CLUSTERED,
)

log = Table(
    "log",
    metadata,
    p.id_("flow_run_id"),
    p.id_("writer_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    p.ws(),
    p.ref("task_run_id"),
    Column("level", Integer, nullable=False),
    p.text_("name", required=True),
    p.text_("message", required=True),
    Column("damaged", SmallInteger, nullable=False, server_default="0"),
    p.at("at", required=True),
    **p.CLUSTERED,
)

quarantine = Table(
    "quarantine",
    metadata,
    p.id_("writer_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    p.ws(),
    p.ref("flow_run_id"),
    p.text_("kind", required=True),
    p.text_("error", required=True),
    p.text_("body"),
    p.at("at", required=True),
    **p.CLUSTERED,
)

lease = Table(
    "lease",
    metadata,
    p.id_(),
    p.ws(),
    p.text_("kind", required=True),
    p.ref("subject", required=True),
    p.ref("holder_writer", required=True),
    p.number("epoch"),
    p.at("expires_at", required=True),
    # of the slots of a concurrency limit: what they were asked for together, since when, for whom
    p.ref("grant_id"),
    p.at("asked_at"),
    p.number("slots", "1"),
    p.text_("run_kind"),
    p.ref("run_id"),
)
Index("ix_lease_subject", lease.c.ws, lease.c.kind, lease.c.subject)
Index("ix_lease_holder", lease.c.holder_writer)
Index("ix_lease_expires_at", lease.c.expires_at)
Index("ix_lease_line", lease.c.ws, lease.c.kind, lease.c.subject, lease.c.asked_at)
Index("ix_lease_grant_id", lease.c.grant_id, **p.where("grant_id IS NOT NULL"))

idempotency = Table(
    "idempotency",
    metadata,
    Column("ws", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("status", Integer, nullable=False),
    p.text_("body"),
    p.at("expires_at", required=True),
    **p.CLUSTERED,
)
Index("ix_idempotency_expires_at", idempotency.c.expires_at)
