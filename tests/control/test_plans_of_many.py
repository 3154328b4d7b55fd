"""PostgreSQL goes by an index of its own accord, with what it knows of a table of many rows.

All rows are looked at for what it knows, so it plans the same each time. No flow run or task run is
found by reading the whole table, whichever way it is asked for.
"""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import psycopg
import pytest

from legato._control.registry import handler_of
from legato._model.filters import (
    DeploymentFilter,
    FlowRunSort,
    TaskRunSort,
    WorkPoolFilter,
    WorkQueueFilter,
)
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._model.operations.histories import FlowRunHistory, TaskRunHistory
from legato._model.operations.task_runs import CountTaskRuns, FilterTaskRuns
from legato._store import sql, tallies
from legato._store.dialect import micros
from legato._store.postgres_transaction import PostgresTransaction
from legato._store.sql import Sql
from tests.control.many_runs import (
    BEGAN,
    DEPLOYMENT,
    FLOW,
    MANY,
    POOL,
    QUEUE,
    RUN,
    TASK,
    fill,
    one,
)
from tests.control.test_noun_plans import OF_FEW
from tests.control.test_plans import (
    DUE,
    MANY_FAILED,
    NEWEST,
    SCHEDULED,
    flow_runs,
    flows,
    task_runs,
)
from tests.store.conftest import postgres_url
from tests.store.records import now

__all__ = ["postgres_url"]


FEW = 200
"""So many rows of those that have not ended, or not begun, may be sorted."""


class Explaining(PostgresTransaction):
    """A transaction that notes how PostgreSQL runs its queries."""

    def __init__(self, connection):
        super().__init__(connection, repeated=False)
        self.plans = []

    def select(self, query):
        self.plans.append("\n".join(row[0] for row in super().select(explained(query))))
        is_page = "LIMIT" in query.text and "count(" not in query.text
        return [] if is_page else super().select(query)


def explained(query):
    return Sql(f"EXPLAIN {query.text}", query.values)


@pytest.fixture(scope="module")
def tx(postgres_url):
    """A transaction with many rows, which are gone at its end."""
    with psycopg.connect(postgres_url) as connection:
        for setting in ("jit = off", "max_parallel_workers_per_gather = 0"):
            connection.execute(f"SET {setting}")
        fill(connection)
        yield Explaining(connection)
        connection.rollback()


@pytest.fixture
def plans(tx):
    """Carry out an operation and return the plans of its queries."""

    def of(operation):
        tx.plans = []
        handler_of(operation)(tx, now(), operation)
        assert tx.plans
        return tx.plans

    return of


def reads_all(plan, nouns="_run"):
    return [step for step in plan.splitlines() if "Seq Scan on" in step and nouns in step]


def sorted_at_once(plan):
    """Return how many rows are sorted where these are not few."""
    sizes = re.findall(r"(?<!Incremental )Sort  \(cost=\S+ rows=(\d+)", plan)
    return [int(size) for size in sizes if int(size) > FEW]


PLAIN = [
    *(FilterFlowRuns(sort=sort) for sort in FlowRunSort),
    *(FilterTaskRuns(sort=sort) for sort in TaskRunSort if not sort.value.startswith("NAME")),
    *(FilterFlowRuns(flow_runs=flow_runs(SCHEDULED), sort=sort) for sort in (DUE,)),
    FilterFlowRuns(sort=NEWEST, after=one(RUN, 500)),
    FilterFlowRuns(sort=DUE, after=one(RUN, 500)),
    FilterTaskRuns(after=one(TASK, 500)),
]


@pytest.mark.parametrize("operation", PLAIN)
def test_a_page_is_read_in_order(plans, operation):
    for plan in plans(operation):
        assert not reads_all(plan), plan
        assert not sorted_at_once(plan), plan


def deployment(**conditions):
    return {"deployments": msgspec.convert(conditions, DeploymentFilter)}


def pool(**conditions):
    return {"work_pools": msgspec.convert(conditions, WorkPoolFilter)}


def queue(**conditions):
    return {"work_pool_queues": msgspec.convert(conditions, WorkQueueFilter)}


JOINED = [
    deployment(id={"any_": [one(DEPLOYMENT, 7)]}),
    deployment(name={"any_": ["deployment-7"]}),
    pool(id={"any_": [one(POOL, 7)]}),
    pool(name={"any_": ["pool-7"]}),
    queue(id={"any_": [one(QUEUE, 7)]}),
    queue(name={"any_": ["queue-7"]}),
    {**pool(name={"any_": ["pool-7"]}), **queue(name={"any_": ["queue-7"]})},
    {"flows": flows({"id": {"any_": [one(FLOW, 7)]}})},
    {"flows": flows({"name": {"any_": ["flow-7"]}})},
]
WEEK = {
    "history_start": BEGAN + timedelta(days=1),
    "history_end": BEGAN + timedelta(days=3),
    "history_interval_seconds": 3600,
}


@pytest.mark.parametrize(
    ("kind", "joined"),
    [
        *((kind, joined) for kind in (FilterFlowRuns, CountFlowRuns) for joined in JOINED),
        *((kind, joined) for kind in (FilterTaskRuns, CountTaskRuns) for joined in JOINED),
    ],
)
def test_runs_of_a_few_others_are_found_by_an_index(plans, kind, joined):
    for plan in plans(kind(**joined)):
        assert not reads_all(plan), plan


@pytest.mark.parametrize("joined", JOINED)
@pytest.mark.parametrize("sort", [NEWEST, DUE])
def test_pages_of_a_few_others_are_found_by_an_index(plans, sort, joined):
    for plan in plans(FilterFlowRuns(sort=sort, **joined)):
        assert not reads_all(plan), plan


@pytest.mark.parametrize("operation", OF_FEW)
def test_few_of_other_nouns_are_found_by_an_index(plans, operation):
    for plan in plans(operation):
        assert not reads_all(plan, ""), plan


SPANS = [
    CountFlowRuns(flow_runs=flow_runs(SCHEDULED)),
    CountFlowRuns(flow_runs=flow_runs(MANY_FAILED)),
    *(
        CountFlowRuns(
            flow_runs=flow_runs({name: {"after_": BEGAN + timedelta(minutes=MANY - 500)}})
        )
        for name in ("start_time", "expected_start_time")
    ),
    CountTaskRuns(
        task_runs=task_runs({"start_time": {"after_": BEGAN + timedelta(minutes=MANY - 500)}})
    ),
    FlowRunHistory(**WEEK),
    TaskRunHistory(**WEEK),
    FlowRunHistory(**WEEK, flow_runs=flow_runs(MANY_FAILED)),
    FlowRunHistory(**WEEK, **pool(name={"any_": ["pool-7"]})),
    FlowRunHistory(**WEEK, **deployment(name={"any_": ["deployment-7"]})),
]


@pytest.mark.parametrize("operation", SPANS)
def test_counts_and_histories_look_at_what_they_count(plans, operation):
    for plan in plans(operation):
        assert not reads_all(plan), plan


@pytest.mark.parametrize("one_by_one", [tallies.counted, tallies.counted_only])
@pytest.mark.parametrize("table", ["flow_run", "task_run"])
@pytest.mark.parametrize("axis", ["start_at", "expected_at"])
def test_a_hundred_stretches_are_looked_up_each(tx, one_by_one, table, axis):
    zero, minute = micros(BEGAN), 60_000_000
    stretches = [(zero + n * 190 * minute, zero + (n * 190 + 5) * minute) for n in range(100)]
    query = one_by_one(table, axis, stretches, (zero, 3600 * 1_000_000), sql.ALWAYS)
    tx.plans = []
    tx.select(query)
    (plan,) = tx.plans
    assert not reads_all(plan), plan
    assert f"ix_{table}_{axis.removesuffix('_at')}" in plan
