"""How far back the ordered log reaches; leases by their holder."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "meta", sa.Column("retained_after", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_index("ix_lease_holder", "lease", ["holder_writer"])
    op.execute("UPDATE meta SET schema = 3")
