"""What task runs found under their cache keys, and when cached results go."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "task_run_cache",
        sa.Column("task_run_id", uid, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("step_name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cache_key", sa.Text()),
        sa.Column("parts", sa.Text()),
        sa.Column("problem", sa.Text()),
        sa.Column("expiration_us", sa.BigInteger()),
        sa.Column("result_id", uid),
        sa.PrimaryKeyConstraint("task_run_id", name="pk_task_run_cache"),
    )
    _index("task_run_cache", "of_task", ["ws", "step_name", "at"], "cache_key IS NOT NULL")
    _index("task_run_cache", "made", ["ws", "cache_key", "at"], "outcome <> 'hit'")
    _index("task_run_cache", "result_id", ["result_id"], "result_id IS NOT NULL")
    _index("cache_entry", "expires_at", ["expires_at"], "expires_at IS NOT NULL")
    _index("result", "expires_at", ["expires_at"], "expires_at IS NOT NULL")
    op.create_index("ix_cache_entry_result_id", "cache_entry", ["result_id"])
    op.execute("UPDATE meta SET schema = 6")


def _index(table: str, name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where
    )
