"""SQLite answers the hot statements by index, never by reading a whole table."""

from __future__ import annotations

import sqlite3

import pytest

from legato._store import sqlite_home
from legato._store.generated_sqlite import BY_IDS, QUERIES

# one row, or as many as there are writers
SMALL = {"ahead", "meta", "writer"}
# reads the partial index of what is live, as a whole
WHOLE_LIVE_INDEX = {"writer.list_open"}


@pytest.fixture(scope="module")
def database():
    connection = sqlite3.connect(f"file:{sqlite_home.TEMPLATE}?immutable=1", uri=True)
    yield connection
    connection.close()


def parameters(sql):
    import re

    return dict.fromkeys(re.findall(r":(\w+)", sql), 1)


@pytest.mark.parametrize("name", sorted(QUERIES | BY_IDS))
def test_no_table_is_scanned(database, name):
    if name in QUERIES:
        sql, given = QUERIES[name], parameters(QUERIES[name])
    else:
        sql, given = BY_IDS[name].replace("{ids}", "IN (?, ?)"), (b"1", b"2")
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
    scans = [
        step
        for step in plan
        if step.startswith("SCAN")
        and step.split()[1] not in SMALL | {"tree", "v", "CONSTANT", "2", "3"}
        and not (name in WHOLE_LIVE_INDEX and "INDEX ix_" in step)
        and not (name.startswith("quarantine."))
    ]
    assert scans == [], plan


@pytest.mark.parametrize(
    ("table", "column", "index"),
    [
        ("flow_run", "sort_at", "ix_flow_run_list"),
        ("flow_run", "expected_at", "ix_flow_run_expected"),
        ("flow_run", "name", "ix_flow_run_name"),
        ("task_run", "expected_at", "ix_task_run_expected"),
    ],
)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_lists_need_no_sort(database, table, column, index, direction):
    order = f"{column} {direction}, id {direction}"
    sql = f"SELECT id FROM {table} WHERE ws = 0 ORDER BY {order} LIMIT 50"
    plan = " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}"))
    assert index in plan
    assert "TEMP B-TREE" not in plan
