"""Counts of ended runs by spans of time; task runs by their other times."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TASK_RUN = {
    "start": (["ws", "start_at", "state_type"], "start_at IS NOT NULL"),
    "end": (["ws", "end_at", "id"], "end_at IS NOT NULL"),
    "next": (["ws", "next_scheduled_at", "id"], "next_scheduled_at IS NOT NULL"),
}
_OFTEN = (
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, "
    "autovacuum_analyze_scale_factor = 0.02"
)


def upgrade() -> None:
    op.create_table(
        "tally",
        *_key("noun", "start_at"),
        sa.Column("announced_at", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.SmallInteger(), nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally_count",
        *_key("noun", "axis", "start_at", "state_type", "state_name"),
        *(sa.Column(n, sa.BigInteger(), nullable=False) for n in ("runs", "run_us", "late_us")),
        sqlite_with_rowid=False,
    )
    for name, (columns, condition) in _TASK_RUN.items():
        where = sa.text(condition)
        op.create_index(
            f"ix_task_run_{name}", "task_run", columns, sqlite_where=where, postgresql_where=where
        )
    op.drop_index("ix_flow_run_history", "flow_run")
    if op.get_bind().dialect.name == "postgresql":
        # counts look at nothing but an index as far as VACUUM has come
        for table in ("flow_run", "task_run"):
            op.execute(f"ALTER TABLE {table} SET ({_OFTEN})")
    # a process of an older version would move runs without a word to the tallies
    op.execute("UPDATE meta SET schema = 17, min_writer = 17")


def _key(*names: str) -> list[sa.Column[Any]]:
    """The columns of a primary key, with the workspace."""
    types = {"ws": sa.Integer(), "start_at": sa.BigInteger()}
    return [
        sa.Column(n, types.get(n, sa.Text()), primary_key=True, autoincrement=False)
        for n in ("ws", *names)
    ]
