"""Attempts that are held by leases: of which writers, and since which attempt records count."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("writer", sa.Column("lease_us", sa.BigInteger()))
    op.add_column("attempt", sa.Column("first_number", sa.Integer()))
    op.create_index(
        "ix_attempt_expired",
        "attempt",
        ["writer_id"],
        sqlite_where=sa.text("cause = 'expired'"),
        postgresql_where=sa.text("cause = 'expired'"),
    )
    op.execute("UPDATE meta SET schema = 10")
