"""The second process: counts what is in a Legato database, with `sqlite3` and nothing of Legato.

usage: rows.py DB          print the counts of the whole database as one line of JSON
       rows.py DB --ask    print `ready`; then for each line of JSON on standard input, of the form
                           {"flow_run": hex, "n": int, "tags": [str], "inputs": [str]}, wait until
                           that flow run and its n task runs are complete, and print their counts
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Iterable
from typing import Any

POLL_S = 0.005
PATIENCE_S = 20.0

# Task runs whose history is exactly Pending, Running, Completed, without a hole.
THREE_STATES = """
SELECT count(*) FROM (
  SELECT 1 FROM task_run_state
  WHERE version IS NOT NULL AND (:run IS NULL OR task_run_id IN
    (SELECT id FROM task_run WHERE flow_run_id = :run)) GROUP BY task_run_id
  HAVING count(*) = 3 AND sum(version = 1 AND type = 'PENDING') = 1
     AND sum(version = 2 AND type = 'RUNNING') = 1 AND sum(version = 3 AND type = 'COMPLETED') = 1)
"""
# Task runs whose tags (in the row and in the index of tags) are those that were given.
TAGGED = """
SELECT count(*) FROM task_run r WHERE r.flow_run_id = :run
  AND (SELECT json_group_array(value) FROM (SELECT value FROM json_each(r.tags) ORDER BY value))
      = :tags
  AND (SELECT json_group_array(tag) FROM (SELECT tag FROM task_run_tag t WHERE t.run_id = r.id
       ORDER BY tag)) = :tags
"""
# Task runs with an entry for each parameter, and the edges among those entries.
WITH_INPUTS = """
SELECT count(*) FROM task_run r WHERE r.flow_run_id = :run
  AND (SELECT json_group_array(key) FROM (SELECT key FROM json_each(r.task_inputs) ORDER BY key))
      = :inputs
"""
EDGES = """
SELECT coalesce(sum(json_array_length(e.value)), 0) FROM task_run r, json_each(r.task_inputs) e
WHERE r.task_inputs IS NOT NULL AND (:run IS NULL OR r.flow_run_id = :run)
"""


def main() -> None:
    path, *rest = sys.argv[1:]
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)
    if rest != ["--ask"]:
        print(json.dumps(counts(connection, None)))
        return
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(connection, json.loads(line))), flush=True)


def answer(connection: sqlite3.Connection, question: dict[str, Any]) -> dict[str, Any]:
    """Return the counts of one flow run, and `at`: when they were true (`time.perf_counter`)."""
    run, n = bytes.fromhex(question["flow_run"]), question["n"]
    last, moved = -1, time.perf_counter()
    while True:
        connection.execute("BEGIN")
        done = completed(connection, run)
        at = time.perf_counter()  # the snapshot that all counts below are taken from is not younger
        if done == n or at - moved > PATIENCE_S:
            names = {kind: as_json(question[kind]) for kind in ("tags", "inputs")}
            found = counts(connection, run) | {
                "tagged": number(connection, TAGGED, {"run": run, "tags": names["tags"]}),
                "with_inputs": number(connection, WITH_INPUTS, {"run": run, **names}),
            }
            connection.execute("COMMIT")
            return {**found, "at": at}
        connection.execute("COMMIT")
        if done != last:
            last, moved = done, at
        time.sleep(POLL_S)


def completed(connection: sqlite3.Connection, run: bytes) -> int:
    """Return the completed task runs of a completed flow run; -1 while that is not completed."""
    row = connection.execute("SELECT state_type FROM flow_run WHERE id = ?", (run,)).fetchone()
    if row is None or row[0] != "COMPLETED":
        return -1
    sql = "SELECT count(*) FROM task_run WHERE flow_run_id = ? AND state_type = 'COMPLETED'"
    return number(connection, sql, (run,))


def counts(connection: sqlite3.Connection, run: bytes | None) -> dict[str, Any]:
    """Count the records of one flow run; of all, if `run` is None."""
    of_run = "WHERE (:run IS NULL OR flow_run_id = :run)"
    of_task = "task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = :run)"
    states = f"SELECT count(*) FROM task_run_state WHERE :run IS NULL OR {of_task}"
    return {
        "flow_runs": by_state(connection, "flow_run", "WHERE (:run IS NULL OR id = :run)", run),
        "task_runs": by_state(connection, "task_run", of_run, run),
        "states": number(connection, states, {"run": run}),
        "three_states": number(connection, THREE_STATES, {"run": run}),
        "edges": number(connection, EDGES, {"run": run}),
        "logs": number(connection, f"SELECT count(*) FROM log {of_run}", {"run": run}),
    }


def by_state(
    connection: sqlite3.Connection, table: str, where: str, run: bytes | None
) -> dict[str, int]:
    sql = f"SELECT state_type, count(*) FROM {table} {where} GROUP BY state_type"
    return dict(connection.execute(sql, {"run": run}).fetchall())


def number(connection: sqlite3.Connection, sql: str, given: Any) -> int:
    found: int = connection.execute(sql, given).fetchone()[0]
    return found


def as_json(names: Iterable[str]) -> str:
    """Return the names sorted, as SQLite's `json_group_array` writes them."""
    return json.dumps(sorted(names), separators=(",", ":"))


if __name__ == "__main__":
    main()
