"""Events and uncommon transitions by name; names and resources in the order of bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_UNCOMMON = (
    "name <> 'Completed' AND name <> 'Running' AND name <> 'Pending' AND name <> 'Scheduled'"
)


def upgrade() -> None:
    op.create_index("ix_event_name", "event", ["ws", "event", "occurred_at"])
    for table in ("flow_run_state", "task_run_state"):
        _create_partial(f"ix_{table}_uncommon", table, ["ws", "name", "at"], _UNCOMMON)
    _create_partial(
        "ix_flow_run_of_deployment",
        "flow_run",
        ["ws", "deployment_id", "sort_at"],
        "deployment_id IS NOT NULL",
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE event ALTER COLUMN event TYPE TEXT COLLATE "C"')
        op.execute('ALTER TABLE event_resource ALTER COLUMN resource_id TYPE TEXT COLLATE "C"')
    op.execute("UPDATE meta SET schema = 15")


def _create_partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
