"""What a server's database holds, told so that two of them can be compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from legato._store import schema
from legato._store.sql import Sql

if TYPE_CHECKING:
    from legato._store.port import Store

_OF_TIME = {"meta", "tally", "tally_count", "log_arrival", "lease", "log"}
"""What duties and the clock put there, in one row or in several; warnings of what waits."""
_MORE = {
    "flow runs": "SELECT state_type, run_count FROM flow_run",
    "task runs": "SELECT state_type, run_count FROM task_run",
    "states": "SELECT type, name FROM flow_run_state",
    "states of tasks": "SELECT type, name FROM task_run_state",
    "leases": "SELECT kind FROM lease WHERE kind <> 'leader'",
    "lines": "SELECT level FROM log WHERE level < 30",
    "events": "SELECT event FROM event",
    "variables": "SELECT name FROM variable",
}


def rows(store: Store) -> Counter[object]:
    """Count the rows of each table, and those that are alike of what has a state."""
    tables = sorted(set(schema.metadata.tables) - _OF_TIME)
    counts = [f"SELECT '{table}', count(*) FROM {table}" for table in tables]
    found: Counter[object] = Counter(dict(_select(store, " UNION ALL ".join(counts))))
    for what, query in _MORE.items():
        found.update((what, *row) for row in _select(store, query))
    return found


def _select(store: Store, query: str) -> list[Any]:
    return store.read(lambda tx: tx.select(Sql(query)))
