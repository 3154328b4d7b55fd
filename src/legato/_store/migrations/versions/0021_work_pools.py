"""Work pools and queues, and what deployments and runs belong to of them."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "work_pool",
        sa.Column("id", uid, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Integer(), nullable=False),
        sa.Column("concurrency_limit", sa.Integer()),
        sa.Column("default_queue_id", uid, nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_work_pool"),
        sa.UniqueConstraint("ws", "name", name="uq_work_pool_ws_name"),
    )
    op.create_table(
        "work_queue",
        sa.Column("id", uid, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("work_pool_id", uid, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("is_paused", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("concurrency_limit", sa.Integer()),
        sa.Column("last_polled_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_work_queue"),
        sa.UniqueConstraint("work_pool_id", "name", name="uq_work_queue_work_pool_id_name"),
    )
    op.add_column("deployment", sa.Column("work_queue_id", uid))
    op.add_column("deployment", sa.Column("work_queue_name", sa.Text()))
    op.create_index(
        "ix_flow_run_of_work_pool",
        "flow_run",
        ["ws", "work_pool_id", "sort_at"],
        sqlite_where=sa.text("work_pool_id IS NOT NULL"),
        postgresql_where=sa.text("work_pool_id IS NOT NULL"),
    )
    op.execute("UPDATE meta SET schema = 21")
