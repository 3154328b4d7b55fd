"""Events are found by the labels of their resources, and uncommon transitions by their types."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from legato._model import event_labels

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_UNCOMMON = (
    "type <> 'COMPLETED' AND type <> 'RUNNING' AND type <> 'PENDING' AND type <> 'SCHEDULED'"
)
_CHUNK = 1000


def upgrade() -> None:
    for states in ("flow_run_state", "task_run_state"):
        where = sa.text(_UNCOMMON)
        op.create_index(
            f"ix_{states}_of_type",
            states,
            ["ws", "type", "at"],
            sqlite_where=where,
            postgresql_where=where,
        )
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    table = op.create_table(
        "event_label",
        sa.Column("ws", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", text, nullable=False),
        sa.Column("value", text, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("ws", "label", "value", "position", "day", name="pk_event_label"),
        sqlite_with_rowid=False,
    )
    for rows in _labels():
        op.bulk_insert(table, rows)
    # what a process of an older version tells would not be found by its labels
    op.execute("UPDATE meta SET schema = 18, min_writer = 18")


def _labels() -> Iterator[list[dict[str, Any]]]:
    """Give the labels of the events that there are, some events at a time."""
    after: int | None = -1
    while after is not None:
        found = op.get_bind().execute(
            sa.text(
                "SELECT position, day, ws, resource, related FROM event WHERE position > :after "
                "ORDER BY position LIMIT :chunk"
            ),
            {"after": after, "chunk": _CHUNK},
        )
        after = None
        rows: list[dict[str, Any]] = []
        for place, day, ws, resource, related in found.fetchall():
            after = place
            rows += [
                {"ws": ws, "label": label, "value": value, "position": place, "day": day}
                for label, value in event_labels.pairs(_resources(resource, related))
            ]
        if rows:
            yield rows


def _resources(resource: str, related: str) -> list[dict[str, str]]:
    """Return an event's resources; an upgrade does not fail for an event that nobody can read."""
    try:
        found: list[dict[str, str]] = [json.loads(resource), *json.loads(related)]
    except ValueError:
        return []
    return found
