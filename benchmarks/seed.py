#!/usr/bin/env python3
"""Fill a database with finished runs, to see what a long history costs.

    benchmarks/seed.py /somewhere/legato.db                             a new SQLite file
    benchmarks/seed.py postgresql://postgres@127.0.0.1/scratch          an empty database
    benchmarks/seed.py FILE --flow-runs 100000 --tasks 3 --days 30

A real flow runs first, in a home of its own. Its rows are the templates: every further run has
copies of them under its own ids, times and positions, so what is measured later is read from rows
as the journal writes them. Needs no server; prints what it wrote and how large the database is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from seed_rows import ORDER, History, Templates
from seed_targets import PostgresTarget, SqliteTarget


def seed(target: str, flow_runs: int, tasks: int, days: float) -> dict[str, Any]:
    """Fill a database; return what was written."""
    began = time.perf_counter()
    history = History(Templates(), flow_runs, tasks, days)
    is_postgres = target.startswith(("postgresql://", "postgres://"))
    place = PostgresTarget(target) if is_postgres else SqliteTarget(Path(target))
    counts: dict[str, int] = {}
    for table in ORDER:
        counts[table] = place.put(table, getattr(history, table)())
        print(f"{time.perf_counter() - began:6.0f} s  {table} {counts[table]:,}", file=sys.stderr)
    size = place.finish(history.next_position)
    some = [UUID(bytes=history.id_of(2, run)) for run in range(0, flow_runs, flow_runs // 64 or 1)]
    return {
        "rows": counts,
        "mb": round(size, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "newest": str(UUID(bytes=history.id_of(2, flow_runs - 1))),
        "flow_run_ids": [str(found) for found in some],
    }


def main() -> None:
    summary, _, rest = (__doc__ or "").partition("\n")
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=summary, epilog=rest, formatter_class=style)
    parser.add_argument("target", help="a new SQLite file, or postgresql://...")
    parser.add_argument("--flow-runs", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=3, help="task runs of each, 1 to 100")
    parser.add_argument("--days", type=float, default=30, help="over which they are spread")
    given = parser.parse_args()
    print(json.dumps(seed(given.target, given.flow_runs, given.tasks, given.days)))


if __name__ == "__main__":
    main()
