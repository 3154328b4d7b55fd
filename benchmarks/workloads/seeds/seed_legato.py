"""Rows for the harness' W13: as many runs as it gives to each system, as `../seed.py` makes them.

Other than the peers' rows, these have all states of each run, not only the last one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from seed_rows import ORDER, History, Templates
from seed_targets import SqliteTarget

SECONDS_APART = 6  # as the peers' runs are


def seed(root: str, flow_runs: int, task_runs: int) -> dict[str, Any]:
    """Put a new database into a home; return what the harness asks for and of which size it is."""
    path = Path(root) / "legato.db"
    for name in ("legato.db", "legato.db-wal", "legato.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    days = flow_runs * SECONDS_APART / 86_400
    history = History(Templates(), flow_runs, task_runs // flow_runs, days)
    target = SqliteTarget(path)
    counts = {table: target.put(table, getattr(history, table)()) for table in ORDER}
    size = target.finish(history.next_position)

    def flow_run_id(run: int) -> str:
        return str(UUID(bytes=history.id_of(2, run)))

    middle = datetime.fromtimestamp(history.start(flow_runs // 2) / 1e6, UTC)
    return {
        "flow_run_ids": [flow_run_id(run) for run in range(0, flow_runs, flow_runs // 64 or 1)],
        "log_flow_run_id": flow_run_id(flow_runs - 1),
        "mid_time": middle.isoformat(),
        "logs": counts["log"],
        "db_mb": round(size, 1),
    }
