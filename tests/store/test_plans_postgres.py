"""PostgreSQL, too, answers the hot statements by index, never by reading a whole table.

Its planner would read a small table as a whole, whatever there is. Told that this is dear, it does
so only where nothing else serves. The plan is the one for any parameters.
"""

from __future__ import annotations

import re

import psycopg
import pytest

from legato._store.generated_postgres import BY_IDS, QUERIES
from legato._store.postgres_transaction import _by_ids, _query
from tests.store.conftest import postgres_url
from tests.store.test_plans import SMALL as ONE_ROW

__all__ = ["postgres_url"]
# few rows: one for each fault, and one for each process
SMALL = ONE_ROW | {"quarantine", "pk_ahead", "pk_writer"}
LIVE = {"ix_attempt_open", "ix_flow_run_live", "ix_lease_holder", "ix_task_run_live"}
"""Indexes of what is at work only, or of leases, which may be read as a whole."""
_NODE = re.compile(r"(Seq|Index|Index Only) Scan (?:Backward )?(?:using (\S+) )?on (\S+)")


@pytest.fixture(scope="module")
def connection(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection


def plan_of(connection, name):
    text = _query(name)[0] if name in QUERIES else _by_ids(name)
    count = len(set(re.findall(rb"\$(\d+)", text)))
    given = f"({', '.join(['NULL'] * count)})" if count else ""
    connection.execute(b"PREPARE hot AS " + text)
    try:
        return [row[0] for row in connection.execute(f"EXPLAIN EXECUTE hot{given}")]
    finally:
        connection.execute("DEALLOCATE hot")


def whole(plan):
    """Return the tables, or the indexes, that a plan reads from end to end."""
    found = []
    for place, step in enumerate(plan):
        node = _NODE.search(step)
        if node is None:
            continue
        below = plan[place + 1 : place + 2]
        if not (below and "Index Cond" in below[0]):
            found.append(node[2] or node[3])
    return found


@pytest.mark.parametrize("name", sorted(QUERIES | BY_IDS))
def test_no_table_is_read_as_a_whole(connection, name):
    plan = plan_of(connection, name)
    assert [each for each in whole(plan) if each not in SMALL | LIVE] == [], "\n".join(plan)
