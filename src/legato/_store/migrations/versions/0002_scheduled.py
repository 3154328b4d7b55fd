"""An index of the flow runs that are scheduled, in the order in which they are due."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    scheduled = sa.text("state_type = 'SCHEDULED'")
    op.create_index(
        "ix_flow_run_scheduled",
        "flow_run",
        ["ws", "expected_at", "id"],
        sqlite_where=scheduled,
        postgresql_where=scheduled,
    )
    op.execute("UPDATE meta SET schema = 2")
