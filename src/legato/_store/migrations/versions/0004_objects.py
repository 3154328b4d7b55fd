"""Variables, artifacts, concurrency limits and the leases of their slots."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def uid() -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary(length=16).with_variant(sa.UUID(), "postgresql")


def double() -> sa.types.TypeEngine[float]:
    kind: sa.types.TypeEngine[float] = sa.Double()
    return kind


def upgrade() -> None:
    op.create_table(
        "variable",
        sa.Column("id", uid(), nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variable")),
        sa.UniqueConstraint("ws", "name", name=op.f("uq_variable_ws_name")),
    )
    op.create_table(
        "artifact",
        sa.Column("id", uid(), nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("flow_run_id", uid(), nullable=True),
        sa.Column("task_run_id", uid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
    )
    op.create_index("ix_artifact_list", "artifact", ["ws", "created_at", "id"], unique=False)
    partial("ix_artifact_versions", "artifact", ["ws", "key", "created_at"], "key IS NOT NULL")
    partial("ix_artifact_flow_run_id", "artifact", ["flow_run_id"], "flow_run_id IS NOT NULL")
    partial("ix_artifact_task_run_id", "artifact", ["task_run_id"], "task_run_id IS NOT NULL")
    op.create_table(
        "artifact_collection",
        sa.Column("id", uid(), nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("latest_id", uid(), nullable=False),
        sa.Column("latest_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_collection")),
        sa.UniqueConstraint("ws", "key", name=op.f("uq_artifact_collection_ws_key")),
    )
    op.create_table(
        "concurrency_limit",
        sa.Column("id", uid(), nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("active", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("slot_decay_per_second", double(), server_default="0", nullable=False),
        sa.Column("used", double(), server_default="0", nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concurrency_limit")),
        sa.UniqueConstraint("ws", "name", name=op.f("uq_concurrency_limit_ws_name")),
    )
    for column in (
        sa.Column("grant_id", uid(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("slots", sa.Integer(), server_default="1", nullable=False),
        sa.Column("run_kind", sa.Text(), nullable=True),
        sa.Column("run_id", uid(), nullable=True),
    ):
        op.add_column("lease", column)
    op.create_index("ix_lease_line", "lease", ["ws", "kind", "subject", "asked_at"], unique=False)
    partial("ix_lease_grant_id", "lease", ["grant_id"], "grant_id IS NOT NULL")
    op.execute("UPDATE meta SET schema = 4")


def partial(name: str, table: str, columns: list[str], where: str) -> None:
    """Make an index of some rows only."""
    op.create_index(
        name,
        table,
        columns,
        unique=False,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
