"""Results that are uploaded in parts."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "result_part",
        sa.Column("result_id", uid, nullable=False),
        sa.Column("upload_id", uid, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("result_id", "upload_id", "number", name="pk_result_part"),
    )
    first = sa.text("number = 0")
    op.create_index(
        "ix_result_part_begun",
        "result_part",
        ["created_at"],
        sqlite_where=first,
        postgresql_where=first,
    )
    op.execute("UPDATE meta SET schema = 16")
