"""Where in the ordered log lines of runs were stored."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "log_arrival",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("flow_run_id", uid, nullable=False),
        sa.Column("writer_id", uid, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", "flow_run_id", "writer_id", name="pk_log_arrival"),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE meta SET schema = 13")
