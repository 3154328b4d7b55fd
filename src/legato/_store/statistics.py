"""What SQLite's planner is told of a large home, from the first day on.

Nobody runs ANALYZE on a user's home. Without statistics SQLite believes that the one workspace of
all rows is as selective as the flow run of a few, and reads a whole table for a page of one run.
So the template says how rows are spread once there are many; a small database is fast anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

_ROWS = {
    "flow": 1_000,
    "flow_run": 100_000,
    "flow_run_state": 300_000,
    "flow_run_tag": 200_000,
    "task_run": 1_000_000,
    "task_run_state": 3_000_000,
    "task_run_tag": 1_000_000,
    "attempt": 100_000,
    "log": 1_000_000,
    "event": 1_000_000,
    "event_label": 3_000_000,
    "event_resource": 3_000_000,
    "result": 1_000_000,
    "artifact": 1_000_000,
    "artifact_collection": 10_000,
}
_LIVE = 100
"""Rows of an index on what is live, or on another small part of a table."""

# how many rows share a value; a column that is not here is shared by one
_SHARED = {
    "ws": 10_000_000,
    "flow_id": 1_000,
    "flow_run_id": 100,
    "task_run_id": 3,
    "run_id": 2,
    "tag": 10_000,
    "state_type": 5_000,
    "state_name": 5_000,
    "writer_id": 100,
    "day": 10_000,
    "key": 100,
    "resource_id": 100,
}
_NEARLY_ALL = {"ix_flow_run_start", "ix_flow_run_end", "ix_task_run_start", "ix_task_run_end"}
"""Partial indexes that leave out little."""


def state(connection: Connection) -> None:
    """Write the statistics, in place of what was there."""
    if not _has_statistics(connection):
        connection.execute(text("ANALYZE"))  # makes the table; the database is empty
    connection.execute(text("DELETE FROM sqlite_stat1"))
    connection.execute(text("DROP TABLE IF EXISTS sqlite_stat4"))  # made by some builds only
    for table, rows in _ROWS.items():
        for index, stat in _of(connection, table, rows):
            values = {"tbl": table, "idx": index, "stat": stat}
            connection.execute(text("INSERT INTO sqlite_stat1 VALUES (:tbl, :idx, :stat)"), values)


def _of(connection: Connection, table: str, rows: int) -> Iterator[tuple[str, str]]:
    listed = connection.execute(text(f"PRAGMA index_list({table})")).fetchall()
    for _, name, unique, origin, partial in listed:
        columns = connection.execute(text(f"PRAGMA index_info({name})")).fetchall()
        size = _LIVE if partial and name not in _NEARLY_ALL else rows
        shares: list[int] = []
        for _, _, column in columns:
            shares.append(min(_SHARED.get(column, 1), *shares[-1:], size))
        if unique:
            shares[-1] = 1
        clustered = origin == "pk" and not _has_rowid(connection, table)
        yield (table if clustered else name), " ".join(map(str, [size, *shares]))


def _has_statistics(connection: Connection) -> bool:
    query = text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")
    return bool(connection.execute(query).scalar())


def _has_rowid(connection: Connection, table: str) -> bool:
    query = text("SELECT sql NOT LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE name = :name")
    return bool(connection.execute(query, {"name": table}).scalar())
