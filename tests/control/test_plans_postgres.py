"""PostgreSQL has an index for each page, too: one that has its rows in order, so none is sorted.

Its planner would read and sort a small table whatever there is. Told that both are dear, it shows
whether an index serves.
"""

from __future__ import annotations

import psycopg
import pytest

from legato._control.registry import handler_of
from legato._model.filters import FlowRunSort
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._store.postgres_transaction import PostgresSnapshot
from legato._store.sql import Sql
from tests.control.test_plans import EXPECTED, OF_A_WEEK, PAGES, flow_runs
from tests.store.conftest import postgres_url
from tests.store.records import now

__all__ = ["postgres_url"]


class Explaining(PostgresSnapshot):
    """A transaction that notes how PostgreSQL would run the query."""

    def __init__(self, connection):
        super().__init__(connection)
        self.plans = []

    def select(self, query):
        found = super().select(Sql(f"EXPLAIN {query.text}", query.values))
        self.plans.append("\n".join(row[0] for row in found))
        if "LIMIT 1000" in query.text:  # how many are in a state; many
            return [(1000,)]
        return [] if "LIMIT" in query.text or " BY " in query.text else [(0,)]


@pytest.fixture(scope="module")
def connection(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        for setting in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
            connection.execute(f"SET {setting} = off")
        yield connection


@pytest.mark.parametrize("operation", PAGES)
def test_nothing_is_sorted_for_a_page(connection, operation):
    tx = Explaining(connection)
    handler_of(operation)(tx, now(), operation)
    for plan in tx.plans:
        if "ix_flow_run_live" not in plan:  # few
            assert "Sort  (" not in plan.replace("Incremental Sort  (", "")


@pytest.mark.parametrize("sort", FlowRunSort)
def test_no_page_of_flow_runs_reads_the_whole_table(connection, sort):
    tx, operation = Explaining(connection), FilterFlowRuns(sort=sort)
    handler_of(operation)(tx, now(), operation)
    assert all("Seq Scan on flow_run" not in plan for plan in tx.plans)


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        (OF_A_WEEK, "ix_flow_run_start"),
        (EXPECTED, "ix_flow_run_expected"),
    ],
)
def test_a_count_looks_at_nothing_but_an_index(connection, conditions, index):
    tx = Explaining(connection)
    operation = CountFlowRuns(flow_runs=flow_runs(conditions))
    handler_of(operation)(tx, now(), operation)
    assert any(f"Index Only Scan using {index}" in plan for plan in tx.plans)
