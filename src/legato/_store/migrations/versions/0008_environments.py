"""What the processes had installed that ran flows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "environment",
        sa.Column("id", uid, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_environment"),
        sqlite_with_rowid=False,
    )
    op.add_column("writer", sa.Column("environment_id", uid))
    op.execute("UPDATE meta SET schema = 8")
