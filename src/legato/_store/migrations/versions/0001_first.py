"""The first schema."""
# ruff: noqa: C901, E501, PLR0915 - a frozen copy of what the schema was

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column(
            "flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "writer_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("flow_run_id", "number", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_attempt_open",
        "attempt",
        ["writer_id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "cache_entry",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("cache_key", sa.Text(), nullable=False),
        sa.Column(
            "result_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cache_entry")),
        sa.UniqueConstraint("ws", "cache_key", name=op.f("uq_cache_entry_ws_cache_key")),
    )
    op.create_table(
        "event",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "event_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column(
            "follows",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("related", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("day", "position", name=op.f("pk_event")),
        sa.UniqueConstraint("ws", "event_id", "day", name=op.f("uq_event_ws_event_id_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_resource",
        sa.Column("ws", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "ws", "resource_id", "day", "position", name=op.f("pk_event_resource")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flow",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow")),
        sa.UniqueConstraint("ws", "name", name=op.f("uq_flow_ws_name")),
    )
    op.create_table(
        "flow_run",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "flow_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column(
            "state_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("state_type", sa.Text(), nullable=True),
        sa.Column("state_name", sa.Text(), nullable=True),
        sa.Column("state_message", sa.Text(), nullable=True),
        sa.Column("state_details", sa.Text(), nullable=True),
        sa.Column("state_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "result_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True),
        sa.Column("next_scheduled_at", sa.BigInteger(), nullable=True),
        sa.Column("start_at", sa.BigInteger(), nullable=True),
        sa.Column("end_at", sa.BigInteger(), nullable=True),
        sa.Column("total_run_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sort_at", sa.BigInteger(), nullable=False),
        sa.Column("flow_version", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=True),
        sa.Column("context", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column(
            "parent_task_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "root_flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "deployment_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("deployment_version", sa.Text(), nullable=True),
        sa.Column(
            "work_queue_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("work_queue_name", sa.Text(), nullable=True),
        sa.Column(
            "work_pool_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("work_pool_name", sa.Text(), nullable=True),
        sa.Column("job_variables", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column(
            "infrastructure_document_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("infrastructure_pid", sa.Text(), nullable=True),
        sa.Column("auto_scheduled", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("offline", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("wait_code", sa.Text(), nullable=True),
        sa.Column("wait_since", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state_type IS NULL OR state_type = 'RUNNING' OR state_type = 'COMPLETED' OR state_type = 'PENDING' OR state_type = 'SCHEDULED' OR state_type = 'FAILED' OR state_type = 'CRASHED' OR state_type = 'CANCELLED' OR state_type = 'PAUSED' OR state_type = 'CANCELLING'",
            name=op.f("ck_flow_run_state_type"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run")),
    )
    op.create_index("ix_flow_run_list", "flow_run", ["ws", "sort_at", "id"], unique=False)
    op.create_index(
        "ix_flow_run_live",
        "flow_run",
        ["ws", "state_type"],
        unique=False,
        sqlite_where=sa.text("end_at IS NULL"),
        postgresql_where=sa.text("end_at IS NULL"),
    )
    op.create_index("ix_flow_run_of_flow", "flow_run", ["ws", "flow_id", "sort_at"], unique=False)
    unhappy = "state_type IN ('FAILED', 'CRASHED', 'CANCELLED')"
    op.create_index(
        "ix_flow_run_of_state",
        "flow_run",
        ["ws", "state_type", "sort_at"],
        unique=False,
        sqlite_where=sa.text(unhappy),
        postgresql_where=sa.text(unhappy),
    )
    op.create_index(
        "ix_flow_run_parent",
        "flow_run",
        ["parent_task_run_id"],
        unique=False,
        sqlite_where=sa.text("parent_task_run_id IS NOT NULL"),
        postgresql_where=sa.text("parent_task_run_id IS NOT NULL"),
    )
    op.create_index(
        "uq_flow_run_idempotency_key",
        "flow_run",
        ["ws", "flow_id", "idempotency_key"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "flow_run_state",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("opens", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "state_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("from_type", sa.Text(), server_default="", nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "result_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(from_type = 'RUNNING' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING')) OR (from_type = 'PENDING' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING')) OR (from_type = '' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED')) OR (from_type = 'SCHEDULED' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'CANCELLING')) OR (from_type = 'PAUSED' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING')) OR (from_type = 'CANCELLING' AND (type = 'CRASHED' OR type = 'CANCELLED' OR type = 'CANCELLING')) OR (opens = 1 AND (from_type = 'COMPLETED' OR from_type = 'FAILED' OR from_type = 'CRASHED' OR from_type = 'CANCELLED') AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED')) OR (version IS NULL AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING'))",
            name=op.f("ck_flow_run_state_step"),
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_flow_run_state")),
        sa.UniqueConstraint(
            "flow_run_id", "version", name=op.f("uq_flow_run_state_flow_run_id_version")
        ),
    )
    op.create_index("ix_flow_run_state_state_id", "flow_run_state", ["state_id"], unique=False)
    op.create_table(
        "flow_run_tag",
        sa.Column("ws", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column(
            "run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("ws", "tag", "run_id", name=op.f("pk_flow_run_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_flow_run_tag_run_id", "flow_run_tag", ["run_id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("ws", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ws", "key", name=op.f("pk_idempotency")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"], unique=False)
    op.create_table(
        "lease",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "subject",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "holder_writer",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lease")),
    )
    op.create_index("ix_lease_expires_at", "lease", ["expires_at"], unique=False)
    op.create_index("ix_lease_subject", "lease", ["ws", "kind", "subject"], unique=False)
    op.create_table(
        "log",
        sa.Column(
            "flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "writer_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "task_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("damaged", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow_run_id", "writer_id", "seq", "day", name=op.f("pk_log")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("min_writer", sa.Integer(), nullable=False),
        sa.Column("min_reader", sa.Integer(), nullable=False),
        sa.Column("next_position", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("alive_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_meta_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meta")),
    )
    op.create_table(
        "quarantine",
        sa.Column(
            "writer_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("writer_id", "seq", name=op.f("pk_quarantine")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "result",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("serializer", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "cache_entry_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_result_flow_run_id", "result", ["flow_run_id"], unique=False)
    op.create_table(
        "task_run",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "writer_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("dynamic_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column(
            "state_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("state_type", sa.Text(), nullable=True),
        sa.Column("state_name", sa.Text(), nullable=True),
        sa.Column("state_message", sa.Text(), nullable=True),
        sa.Column("state_details", sa.Text(), nullable=True),
        sa.Column("state_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "result_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.Column("run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected_at", sa.BigInteger(), nullable=True),
        sa.Column("next_scheduled_at", sa.BigInteger(), nullable=True),
        sa.Column("start_at", sa.BigInteger(), nullable=True),
        sa.Column("end_at", sa.BigInteger(), nullable=True),
        sa.Column("total_run_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sort_at", sa.BigInteger(), nullable=False),
        sa.Column("task_version", sa.Text(), nullable=True),
        sa.Column("task_inputs", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=True),
        sa.Column("cache_key", sa.Text(), nullable=True),
        sa.Column("cache_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("argument_hash", sa.Text(), nullable=True),
        sa.Column("environment_hash", sa.Text(), nullable=True),
        sa.Column("flow_run_run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "child_flow_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_run_of_flow_run", "task_run", ["flow_run_id"], unique=False)
    op.create_index(
        "uq_task_run_dynamic_key",
        "task_run",
        ["flow_run_id", "dynamic_key"],
        unique=True,
        sqlite_where=sa.text("epoch = 0"),
        postgresql_where=sa.text("epoch = 0"),
    )
    op.create_index("ix_task_run_list", "task_run", ["ws", "sort_at", "id"], unique=False)
    op.create_index(
        "ix_task_run_live",
        "task_run",
        ["writer_id"],
        unique=False,
        sqlite_where=sa.text("end_at IS NULL"),
        postgresql_where=sa.text("end_at IS NULL"),
    )
    op.create_table(
        "task_run_state",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column(
            "task_run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("opens", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "state_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("from_type", sa.Text(), server_default="", nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "result_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(from_type = 'RUNNING' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING')) OR (from_type = 'PENDING' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING')) OR (from_type = '' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED')) OR (from_type = 'SCHEDULED' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'CANCELLING')) OR (from_type = 'PAUSED' AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING')) OR (from_type = 'CANCELLING' AND (type = 'COMPLETED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'CANCELLING')) OR (opens = 1 AND (from_type = 'COMPLETED' OR from_type = 'FAILED' OR from_type = 'CRASHED' OR from_type = 'CANCELLED') AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED')) OR (version IS NULL AND (type = 'RUNNING' OR type = 'COMPLETED' OR type = 'PENDING' OR type = 'SCHEDULED' OR type = 'FAILED' OR type = 'CRASHED' OR type = 'CANCELLED' OR type = 'PAUSED' OR type = 'CANCELLING'))",
            name=op.f("ck_task_run_state_step"),
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_task_run_state")),
        sa.UniqueConstraint(
            "task_run_id", "version", name=op.f("uq_task_run_state_task_run_id_version")
        ),
    )
    op.create_table(
        "task_run_tag",
        sa.Column("ws", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column(
            "run_id",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("ws", "tag", "run_id", name=op.f("pk_task_run_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_run_tag_run_id", "task_run_tag", ["run_id"], unique=False)
    op.create_table(
        "timer",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "subject",
            sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"),
            nullable=False,
        ),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timer")),
        sa.UniqueConstraint(
            "ws", "kind", "subject", "epoch", name=op.f("uq_timer_ws_kind_subject_epoch")
        ),
    )
    op.create_index("ix_timer_due_at", "timer", ["due_at"], unique=False)
    op.create_table(
        "writer",
        sa.Column(
            "id", sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql"), nullable=False
        ),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_start", sa.BigInteger(), nullable=True),
        sa.Column("pid_namespace", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_writer")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO meta (id, schema, min_writer, min_reader, next_position) VALUES (1, 1, 1, 1, 1)"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE log_position START WITH 1 CACHE 1")
    for name, query in views(op.get_bind().dialect.name).items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def views(dialect: str) -> dict[str, str]:
    """The tables as people want to see them: ids as text, times as times, durations in seconds."""
    if dialect == "sqlite":

        def uid(column: str) -> str:
            parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            text = " || '-' || ".join(f"substr(hex({column}), {a}, {n})" for a, n in parts)
            return f"lower({text})"

        def at(column: str) -> str:
            return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000.0, 'unixepoch')"

    else:

        def uid(column: str) -> str:
            return column

        def at(column: str) -> str:
            return f"to_timestamp({column} / 1000000.0)"

    def ids(prefix: str, *names: str) -> str:
        return ", ".join(f"{uid(f'{prefix}.{n}')} AS {n}" for n in names)

    def times(prefix: str, *names: str) -> str:
        return ", ".join(f"{at(f'{prefix}.{n}_at')} AS {n}_time" for n in names)

    run = "r.state_type, r.state_name, r.state_message, r.run_count, "
    spans = times("r", "created", "start", "end") + ", r.total_run_us / 1000000.0 AS run_seconds"

    def steps(kind: str) -> str:
        of_task = kind == "task_run"
        flow_run, task_run = (
            ("r.flow_run_id", uid("s.task_run_id")) if of_task else ("r.id", "NULL")
        )
        return (
            f"SELECT s.position, {uid(flow_run)} AS flow_run_id, {task_run} AS task_run_id, "
            "s.version, s.epoch, s.from_type, s.type, s.name, s.message, "
            f"{at('s.at')} AS time FROM {kind}_state s JOIN {kind} r ON r.id = s.{kind}_id "
            "WHERE s.version IS NOT NULL"
        )

    return {
        "v_flow_runs": f"SELECT {ids('r', 'id', 'flow_id')}, f.name AS flow_name, r.name, {run}"
        f"r.epoch AS attempt, {spans}, r.parameters, r.tags "
        "FROM flow_run r JOIN flow f ON f.id = r.flow_id",
        "v_task_runs": f"SELECT {ids('r', 'id', 'flow_run_id')}, r.name, r.task_key, "
        f"r.dynamic_key, {run}{spans}, r.tags FROM task_run r",
        "v_states": f"{steps('flow_run')} UNION ALL {steps('task_run')}",
        "v_logs": f"SELECT {ids('l', 'flow_run_id', 'task_run_id', 'writer_id')}, l.seq, l.level, "
        f"l.name AS logger, l.message, {at('l.at')} AS time FROM log l",
    }
