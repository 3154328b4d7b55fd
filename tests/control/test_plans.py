"""SQLite finds a page by an index, however many rows there are."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from legato._control.registry import handler_of
from legato._model.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionSort,
    ArtifactFilter,
    ArtifactSort,
    FlowFilter,
    FlowRunFilter,
    FlowRunSort,
    LogFilter,
    TaskRunFilter,
    TaskRunSort,
)
from legato._model.operations.artifacts import (
    CountArtifacts,
    FilterArtifactCollections,
    FilterArtifacts,
)
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._model.operations.histories import FlowRunHistory, TaskRunHistory
from legato._model.operations.logs import FilterLogs
from legato._model.operations.task_runs import CountTaskRuns, FilterTaskRuns
from legato._model.operations.variables import FilterVariables
from legato._store import sql, sqlite_home, tallies
from legato._store.sql import Sql
from legato._store.sqlite_transaction import SqliteTransaction
from tests.store.records import now

ID = {"any_": [UUID(int=5)]}
ID_TEXT = {"any_": ["x"]}
NEWEST = FlowRunSort.START_TIME_DESC
STARTS = (FlowRunSort.START_TIME_ASC, FlowRunSort.START_TIME_DESC)
MANY_FAILED = {"state": {"type": {"any_": ["FAILED"]}}}
OF_A_WEEK = {"start_time": {"after_": "2026-01-01T00:00:00Z"}}
EXPECTED = {"expected_start_time": {"after_": "2026-01-01T00:00:00Z"}}
SCHEDULED = {"state": {"type": {"any_": ["SCHEDULED"]}}}
OVER_A_WEEK = {
    "history_start": now() - timedelta(days=7),
    "history_end": now(),
    "history_interval_seconds": 7 * 3600,
}
HISTORY_OF_FLOW_RUNS = FlowRunHistory(**OVER_A_WEEK)
HISTORY_OF_TASK_RUNS = TaskRunHistory(**OVER_A_WEEK)
DUE = FlowRunSort.EXPECTED_START_TIME_ASC


class Explaining(SqliteTransaction):
    """A transaction that notes how SQLite would run the query."""

    def __init__(self, connection):
        super().__init__(connection, repeated=False)
        self.plans = []

    @property
    def plan(self):
        return "\n".join(self.plans)

    def select(self, query):
        found = super().select(Sql(f"EXPLAIN QUERY PLAN {query.text}", query.values))
        self.plans.append("\n".join(row[3] for row in found))
        if "LIMIT 1000" in query.text:  # how many are in a state; many
            return [(1000,)]
        return [] if "LIMIT" in query.text or " BY " in query.text else [(0,)]


@pytest.fixture(scope="module")
def database():
    connection = sqlite3.connect(f"file:{sqlite_home.TEMPLATE}?immutable=1", uri=True)
    yield connection
    connection.close()


def flow_runs(conditions):
    return msgspec.convert(conditions, FlowRunFilter)


def task_runs(conditions):
    return msgspec.convert(conditions, TaskRunFilter)


def artifacts(conditions):
    return msgspec.convert(conditions, ArtifactFilter)


def flows(conditions):
    return msgspec.convert(conditions, FlowFilter)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (FilterFlowRuns(sort=NEWEST), "INDEX ix_flow_run_list"),
        (FilterFlowRuns(), "INDEX sqlite_autoindex_flow_run_1"),
        (FilterFlowRuns(flow_runs=flow_runs({"id": ID})), "(id=?)"),
        (
            FilterFlowRuns(
                flow_runs=flow_runs({"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}),
                sort=NEWEST,
            ),
            "INDEX ix_flow_run_live",
        ),
        (
            FilterFlowRuns(
                flow_runs=flow_runs({"state": {"type": {"any_": ["FAILED"]}}}), sort=NEWEST
            ),
            "INDEX ix_flow_run_of_state",
        ),
        (
            FilterFlowRuns(flow_runs=flow_runs(SCHEDULED), sort=DUE),
            "INDEX ix_flow_run_scheduled",
        ),
        (
            FilterFlowRuns(flow_runs=flow_runs(SCHEDULED), sort=DUE, after=UUID(int=9)),
            "INDEX ix_flow_run_scheduled (ws=? AND (expected_at,id)>(?,?))",
        ),
        (FilterFlowRuns(flows=flows({"id": ID}), sort=NEWEST), "INDEX ix_flow_run_of_flow"),
        (
            FilterFlowRuns(flows=flows({"name": {"any_": ["x"]}}), sort=NEWEST),
            "INDEX ix_flow_run_of_flow",
        ),
        (
            FilterFlowRuns(flow_runs=flow_runs({"parent_flow_run_id": ID}), sort=NEWEST),
            "INDEX ix_flow_run_parent",
        ),
        (FilterFlowRuns(task_runs=task_runs({"id": ID})), "(id=?)"),
        (
            CountFlowRuns(flow_runs=flow_runs(OF_A_WEEK | MANY_FAILED)),
            "COVERING INDEX ix_flow_run_start",
        ),
        (
            CountFlowRuns(flow_runs=flow_runs(EXPECTED)),
            "COVERING INDEX ix_flow_run_expected",
        ),
        (CountFlowRuns(flows=flows({"name": {"any_": ["x"]}})), "INDEX ix_flow_run_of_flow"),
        (FilterTaskRuns(), "SCAN task_run"),
        (FilterTaskRuns(after=UUID(int=9)), "PRIMARY KEY (id<?)"),
        (FilterFlowRuns(after=UUID(int=9), sort=NEWEST), "(ws=? AND (sort_at,id)<(?,?))"),
        (FilterTaskRuns(task_runs=task_runs({"flow_run_id": ID})), "(flow_run_id=?)"),
        (FilterTaskRuns(flow_runs=flow_runs({"id": ID})), "(flow_run_id=?)"),
        (FilterTaskRuns(flows=flows({"name": {"any_": ["x"]}})), "(flow_run_id=?)"),
        (CountTaskRuns(flow_runs=flow_runs({"id": ID})), "(flow_run_id=?)"),
        (
            FilterTaskRuns(task_runs=task_runs({"state": {"type": {"any_": ["RUNNING"]}}})),
            "INDEX ix_task_run_live",
        ),
        (FilterArtifacts(), "INDEX sqlite_autoindex_artifact_1"),
        (FilterArtifacts(sort=ArtifactSort.CREATED_DESC), "INDEX ix_artifact_list"),
        (FilterArtifacts(artifacts=artifacts({"key": ID_TEXT})), "INDEX ix_artifact_versions"),
        (CountArtifacts(artifacts=artifacts({"key": ID_TEXT})), "INDEX ix_artifact_versions"),
        (FilterArtifacts(artifacts=artifacts({"flow_run_id": ID})), "(flow_run_id=?)"),
        (FilterArtifacts(artifacts=artifacts({"task_run_id": ID})), "(task_run_id=?)"),
        (FilterArtifacts(flow_runs=flow_runs({"id": ID})), "(flow_run_id=?)"),
        (FilterArtifacts(task_runs=task_runs({"id": ID})), "(task_run_id=?)"),
        (
            FilterArtifactCollections(sort=ArtifactCollectionSort.KEY_ASC),
            "INDEX sqlite_autoindex_artifact_collection_2",
        ),
        (
            FilterArtifactCollections(
                artifacts=msgspec.convert({"key": ID_TEXT}, ArtifactCollectionFilter)
            ),
            "(ws=? AND key=?)",
        ),
        (FilterVariables(), "INDEX sqlite_autoindex_variable_2"),
        (FilterLogs(logs=msgspec.convert({"flow_run_id": ID}, LogFilter)), "(flow_run_id=?)"),
    ],
)
def test_a_page_is_found_by_an_index(database, operation, expected):
    tx = Explaining(database)
    handler_of(operation)(tx, now(), operation)
    assert expected in tx.plan


PAGES = [
    FilterFlowRuns(sort=NEWEST),
    FilterFlowRuns(sort=FlowRunSort.START_TIME_ASC),
    FilterFlowRuns(),
    *(FilterFlowRuns(sort=sort) for sort in FlowRunSort),
    *(FilterFlowRuns(flow_runs=flow_runs(MANY_FAILED), sort=sort) for sort in FlowRunSort),
    *(FilterFlowRuns(flow_runs=flow_runs(OF_A_WEEK), sort=sort) for sort in STARTS),
    FilterFlowRuns(flow_runs=flow_runs(SCHEDULED), sort=DUE),
    FilterFlowRuns(flow_runs=flow_runs(SCHEDULED), sort=FlowRunSort.EXPECTED_START_TIME_DESC),
    FilterFlowRuns(flows=flows({"name": {"any_": ["x"]}}), sort=NEWEST),
    FilterTaskRuns(),
    *(FilterTaskRuns(sort=sort) for sort in TaskRunSort if not sort.value.startswith("NAME")),
    FilterArtifacts(),
    FilterArtifacts(sort=ArtifactSort.CREATED_DESC),
    FilterVariables(),
]


@pytest.mark.parametrize("operation", PAGES)
def test_nothing_is_sorted_for_a_page(database, operation):
    tx = Explaining(database)
    handler_of(operation)(tx, now(), operation)
    for plan in tx.plans:
        if "ix_flow_run_live" not in plan:  # few
            assert "TEMP B-TREE FOR ORDER" not in plan.replace("LAST TERM OF ", "")


@pytest.mark.parametrize(
    ("operation", "index"),
    [
        (CountFlowRuns(flow_runs=flow_runs(OF_A_WEEK)), "ix_flow_run_start"),
        (CountTaskRuns(task_runs=task_runs(OF_A_WEEK)), "ix_task_run_start"),
        (HISTORY_OF_FLOW_RUNS, "ix_flow_run_expected"),
        (HISTORY_OF_TASK_RUNS, "ix_task_run_expected"),
    ],
)
def test_a_span_is_summed_from_tallies_and_what_they_leave_out(database, operation, index):
    tx = Explaining(database)
    handler_of(operation)(tx, now(), operation)
    kept, live = "tally USING PRIMARY KEY (ws=? AND noun=? AND start_at>?", "_run_live"
    for found in (kept, live, index):
        assert any(found in plan for plan in tx.plans), tx.plans
    assert not [plan for plan in tx.plans if "SCAN" in plan.replace("SCAN CONSTANT", "")]


@pytest.mark.parametrize("one_by_one", [tallies.counted, tallies.counted_only])
@pytest.mark.parametrize("table", ["flow_run", "task_run"])
@pytest.mark.parametrize("axis", ["start_at", "expected_at"])
@pytest.mark.parametrize("count", [1, 2, 24, 100])
def test_stretches_are_looked_up_each(database, one_by_one, table, axis, count):
    """With all in one condition, SQLite has read all task runs for the history of a day."""
    hour = 3600 * 1_000_000
    stretches = [(n * hour, n * hour + 300) for n in range(count)]
    tx = Explaining(database)
    tx.select(one_by_one(table, axis, stretches, (0, hour), sql.ALWAYS))
    searches = [step for step in tx.plan.splitlines() if step.startswith(("SEARCH", "SCAN"))]
    assert len(searches) == count
    index = f"INDEX ix_{table}_{axis.removesuffix('_at')} (ws=? AND {axis}>? AND {axis}<?)"
    assert all(index in step for step in searches), tx.plan
