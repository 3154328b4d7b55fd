"""Keys of Prefect's clients are unique among the runs of one task only; inputs of flow runs."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.drop_index("uq_task_run_dynamic_key", "task_run")
    outside = sa.text("epoch = 0")
    op.create_index(
        "uq_task_run_dynamic_key",
        "task_run",
        ["flow_run_id", "dynamic_key", "task_key"],
        unique=True,
        sqlite_where=outside,
        postgresql_where=outside,
    )
    op.create_table(
        "flow_run_input",
        sa.Column("id", uid, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("flow_run_id", uid, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_flow_run_input"),
        sa.UniqueConstraint("flow_run_id", "key", name="uq_flow_run_input_flow_run_id_key"),
    )
    op.create_table(
        "configuration",
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ws", "key", name="pk_configuration"),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE meta SET schema = 9")
