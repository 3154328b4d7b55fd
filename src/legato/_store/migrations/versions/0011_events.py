"""Events are found by position, time and resource, transitions by their time."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("flow_run_state", "task_run_state"):
        op.create_index(f"ix_{table}_at", table, ["ws", "at"])
    for table in ("event", "event_resource"):
        op.execute(f"CREATE TABLE {table}_before AS SELECT * FROM {table}")
        op.drop_table(table)
    _create_event()
    _create_event_resource()
    columns = (
        "position, day, ws, event_id, event, occurred_at, received_at, resource_id, follows, "
        "resource, related, payload"
    )
    op.execute(f"INSERT INTO event ({columns}) SELECT {columns} FROM event_before")
    op.execute(
        "INSERT INTO event_resource (position, resource_id, role, day, ws) "
        "SELECT position, resource_id, coalesce(role, ''), day, ws FROM event_resource_before"
    )
    for table in ("event", "event_resource"):
        op.drop_table(f"{table}_before")
    op.execute("UPDATE meta SET schema = 11")


def _create_event() -> None:
    uid = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
    op.create_table(
        "event",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.Column("event_id", uid, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("follows", uid),
        sa.Column("resource", sa.Text()),
        sa.Column("related", sa.Text()),
        sa.Column("payload", sa.Text()),
        sa.PrimaryKeyConstraint("position", "day", name="pk_event"),
        sa.UniqueConstraint("ws", "event_id", "day", name="uq_event_ws_event_id_day"),
    )
    op.create_index("ix_event_list", "event", ["ws", "occurred_at"])


def _create_event_resource() -> None:
    op.create_table(
        "event_resource",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ws", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position", "resource_id", "role", "day", name="pk_event_resource"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_event_resource_of_resource", "event_resource", ["ws", "resource_id", "position"]
    )
