"""Indexes for every order of pages of flow runs, for counts of them over time and for histories."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_FLOW_RUN = {
    "name": (["ws", "name", "id"], None),
    "expected": (["ws", "expected_at", "id", "state_type"], None),
    "start": (["ws", "start_at", "state_type"], "start_at IS NOT NULL"),
    "end": (["ws", "end_at", "id"], "end_at IS NOT NULL"),
    "next": (["ws", "next_scheduled_at", "id"], "next_scheduled_at IS NOT NULL"),
    "history": (
        ["ws", "state_type", "state_name", "expected_at", "total_run_us", "start_at"],
        "state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')",
    ),
}


def upgrade() -> None:
    for name, (columns, condition) in _FLOW_RUN.items():
        where = None if condition is None else sa.text(condition)
        op.create_index(
            f"ix_flow_run_{name}",
            "flow_run",
            columns,
            sqlite_where=where,
            postgresql_where=where,
        )
    op.drop_index("ix_task_run_list", "task_run")
    op.create_index("ix_task_run_expected", "task_run", ["ws", "expected_at", "id"])
    op.execute("UPDATE meta SET schema = 12")
