"""SQLite answers what dashboards ask for by an index, however many runs there are."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from uuid import UUID

import pytest

from legato._model.filters import FlowRunFilter, TaskRunFilter, TimeFilter
from legato._model.operations.dashboard import (
    CountEndedTaskRuns,
    FlowRunLateness,
    FlowRunPoints,
    NextRunsOfFlows,
)
from legato._store import sqlite_home
from legato._store.dialect import micros
from legato._store.queries import dashboard, graphs, log_lines
from legato._store.sql import Sql
from legato._store.sqlite_transaction import SqliteTransaction
from tests.store.records import now

RUN = UUID(int=5)
AFTER = TimeFilter(after_=now() - timedelta(days=7))
WEEK = (micros(AFTER.after_), 3600 * 1_000_000, 7 * 24)


class Explaining(SqliteTransaction):
    """A transaction that notes how SQLite would run the queries."""

    def __init__(self, connection):
        super().__init__(connection, repeated=False)
        self.plan = ""

    def select(self, query):
        found = super().select(Sql(f"EXPLAIN QUERY PLAN {query.text}", query.values))
        self.plan += " / ".join(row[3] for row in found)
        return [(None,)] if query.text.startswith("SELECT avg(") else []


@pytest.fixture
def tx():
    connection = sqlite3.connect(f"file:{sqlite_home.TEMPLATE}?immutable=1", uri=True)
    yield Explaining(connection)
    connection.close()


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (
            lambda tx: dashboard.lateness(
                tx, now(), FlowRunLateness(flow_runs=FlowRunFilter(expected_start_time=AFTER))
            ),
            "expected_at>?",
        ),
        (lambda tx: dashboard.points(tx, now(), FlowRunPoints()), "ix_flow_run_expected"),
        (
            lambda tx: dashboard.next_runs(tx, NextRunsOfFlows(flow_ids=[RUN]).flow_ids),
            "SEARCH flow_run",
        ),
        (
            lambda tx: dashboard.ended(
                tx, CountEndedTaskRuns(task_runs=TaskRunFilter(start_time=AFTER)), WEEK
            ),
            "ix_task_run_start (ws=? AND start_at>? AND start_at<?",
        ),
        (lambda tx: graphs.runs(tx, RUN, 10), "flow_run_id=?"),
        (lambda tx: graphs.artifacts(tx, RUN, 10), "ix_artifact_flow_run_id"),
        (lambda tx: log_lines.behind(tx, RUN, (1, RUN, 1), 10), "flow_run_id=?"),
    ],
    ids=["lateness", "points", "next_runs", "ended", "graph", "artifacts", "lines"],
)
def test_it_is_found_by_an_index(tx, ask, index):
    ask(tx)
    assert index in tx.plan
    scans = [step for step in tx.plan.split(" / ") if step.startswith("SCAN")]
    assert {step.split()[1] for step in scans} <= {"due", "(subquery-3)"}, tx.plan
