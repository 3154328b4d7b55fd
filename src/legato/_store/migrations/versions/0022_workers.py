"""Workers, when runs of a deployment were fetched, and the runs that are to be fetched next."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "worker",
        sa.Column("id", uid, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("work_pool_id", uid, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("last_heartbeat_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_interval_seconds", sa.Integer()),
        sa.Column("offline_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
        sa.UniqueConstraint("work_pool_id", "name", name="uq_worker_work_pool_id_name"),
    )
    for table in ("work_pool", "work_queue"):
        ready = sa.Column("is_ready", sa.Integer(), server_default="0", nullable=False)
        op.add_column(table, ready)
    op.add_column("deployment", sa.Column("last_polled_at", sa.BigInteger()))
    for column in ("work_queue_id", "deployment_id"):
        due = sa.text(f"state_type = 'SCHEDULED' AND {column} IS NOT NULL")
        op.create_index(
            f"ix_flow_run_due_{column}",
            "flow_run",
            [column, "next_scheduled_at", "id"],
            sqlite_where=due,
            postgresql_where=due,
        )
    op.execute("UPDATE meta SET schema = 22")
