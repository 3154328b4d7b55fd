"""Pages of the nouns beside runs are read by an index, or picked before others are joined to them.

Both databases; on PostgreSQL as in `test_plans_postgres`, and what is found by others of many rows
in `test_plans_of_many`.
"""

from __future__ import annotations

import msgspec
import pytest

from legato._control.registry import handler_of
from legato._model import filters as f
from legato._model.filters import ArtifactCollectionSort as KeySort
from legato._model.operations.artifacts import (
    CountArtifactCollections,
    CountArtifacts,
    FilterArtifactCollections,
    FilterArtifacts,
)
from legato._model.operations.deployments import (
    CountDeployments,
    FilterDeployments,
    PaginateDeployments,
)
from legato._model.operations.flow_runs import CountFlowRuns, FilterFlowRuns
from legato._model.operations.flows import CountFlows, FilterFlows, PaginateFlows
from legato._model.operations.task_runs import FilterTaskRuns
from legato._model.operations.variables import CountVariables, FilterVariables
from legato._model.operations.work_pools import CountWorkPools, FilterWorkPools
from legato._model.operations.work_queues import FilterWorkQueues
from tests.control import test_plans, test_plans_postgres
from tests.control.test_plans import ID, ID_TEXT, artifacts, database, flow_runs, flows
from tests.control.test_plans_postgres import connection
from tests.store.conftest import postgres_url
from tests.store.records import now

__all__ = ["connection", "database", "postgres_url"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def plans(request):
    """Carry out an operation and return the plans of its queries."""

    def of(operation):
        if request.param == "sqlite":
            tx = test_plans.Explaining(request.getfixturevalue("database"))
        else:
            tx = test_plans_postgres.Explaining(request.getfixturevalue("connection"))
        handler_of(operation)(tx, now(), operation)
        assert tx.plans
        return tx.plans

    return of


def sorts(plan):
    """Return where rows are sorted; it does not count of those equal in all but the last term."""
    known = plan.replace("LAST TERM OF ", "").replace("Incremental Sort  (", "")
    return known.count("TEMP B-TREE FOR ORDER") + known.count("Sort  (")


def keys(**conditions):
    return msgspec.convert(conditions, f.ArtifactCollectionFilter)


@pytest.mark.parametrize(
    "operation",
    [
        *(FilterFlows(sort=sort) for sort in (f.FlowSort.NAME_ASC, f.FlowSort.NAME_DESC)),
        PaginateFlows(page=3),
        FilterVariables(sort=f.VariableSort.NAME_DESC),
        FilterWorkPools(),
        FilterArtifacts(artifacts=artifacts({"key": {"exists_": True}})),
        *(FilterArtifacts(sort=sort) for sort in (f.ArtifactSort.KEY_ASC, f.ArtifactSort.KEY_DESC)),
    ],
)
def test_a_page_is_read_in_the_order_of_an_index(plans, operation):
    for plan in plans(operation):
        assert not sorts(plan), plan


@pytest.mark.parametrize("sort", [KeySort.KEY_ASC, KeySort.KEY_DESC])
def test_keys_are_picked_in_order_and_nothing_but_the_page_is_sorted(plans, sort):
    (plan,) = plans(FilterArtifactCollections(sort=sort))
    assert sorts(plan) == 1, plan


@pytest.mark.parametrize(
    ("operation", "joined"),
    [
        *((FilterDeployments(sort=sort), "queue") for sort in f.DeploymentSort),
        (PaginateDeployments(page=3), "queue"),
        (FilterArtifactCollections(sort=KeySort.ID_DESC), "artifact"),
        (FilterArtifactCollections(sort=KeySort.CREATED_DESC), "artifact"),
    ],
)
def test_a_page_is_picked_before_others_are_joined_to_it(plans, operation, joined):
    plan = plans(operation)[0]
    if "LIST SUBQUERY" in plan:  # SQLite, which tells its steps one after the other
        assert plan.index("TEMP B-TREE FOR ORDER") < plan.index(f"SEARCH {joined} USING"), plan
    else:
        assert "Limit  (" in plan, plan
        assert not plan.startswith("Limit  ("), plan


def test_keys_are_counted_without_a_look_at_artifacts(plans):
    (plan,) = plans(CountArtifactCollections(artifacts=keys(key={"like_": "x"})))
    assert "artifact_collection" in plan
    assert "artifact " not in plan, plan


BY_ID, BY_NAME = {"id": ID}, {"name": ID_TEXT}
OF_FEW = [
    *(kind(flows=flows(few)) for kind in (FilterFlows, CountFlows) for few in (BY_ID, BY_NAME)),
    *(kind(flow_runs=flow_runs(BY_ID)) for kind in (FilterFlows, FilterDeployments)),
    *(
        kind(deployments=msgspec.convert(BY_ID, f.DeploymentFilter))
        for kind in (FilterFlows, FilterDeployments, CountDeployments)
    ),
    *(
        kind(flows=flows(few))
        for kind in (FilterDeployments, CountDeployments)
        for few in (BY_ID, BY_NAME)
    ),
    *(
        kind(work_pools=msgspec.convert(few, f.WorkPoolFilter))
        for kind in (FilterWorkPools, CountWorkPools)
        for few in (BY_ID, BY_NAME)
    ),
    FilterWorkQueues(work_queues=msgspec.convert(BY_ID, f.WorkQueueFilter)),
    *(
        kind(variables=msgspec.convert(few, f.VariableFilter))
        for kind in (FilterVariables, CountVariables)
        for few in (BY_ID, BY_NAME)
    ),
    *(
        kind(artifacts=artifacts(few))
        for kind in (FilterArtifacts, CountArtifacts)
        for few in (BY_ID, {"key": ID_TEXT}, {"flow_run_id": ID}, {"task_run_id": ID})
    ),
    *(
        kind(artifacts=keys(**few))
        for kind in (FilterArtifactCollections, CountArtifactCollections)
        for few in ({"latest_id": ID}, {"key": ID_TEXT}, {"flow_run_id": ID}, {"task_run_id": ID})
    ),
]


@pytest.mark.parametrize("operation", OF_FEW)
def test_few_are_found_by_an_index(database, operation):
    tx = test_plans.Explaining(database)
    handler_of(operation)(tx, now(), operation)
    for plan in tx.plans:
        assert "SCAN" not in plan, plan
        assert "(ws=?)" not in plan, plan


AT_ALL = [
    *(
        FilterFlowRuns(sort=f.FlowRunSort.START_TIME_DESC, **{other: kind()})
        for other, kind in (
            ("task_runs", f.TaskRunFilter),
            ("deployments", f.DeploymentFilter),
            ("work_pools", f.WorkPoolFilter),
            ("work_pool_queues", f.WorkQueueFilter),
        )
    ),
    FilterTaskRuns(flows=f.FlowFilter()),
    FilterTaskRuns(deployments=f.DeploymentFilter()),
]


@pytest.mark.parametrize("operation", AT_ALL)
def test_what_has_one_at_all_is_looked_up_until_the_page_is_full(database, operation):
    tx = test_plans.Explaining(database)
    handler_of(operation)(tx, now(), operation)
    for plan in tx.plans:
        assert not sorts(plan), plan


def test_runs_that_ended_badly_before_a_time_are_counted_by_their_index(database):
    before = {"start_time": {"before_": "2026-01-01T00:00:00Z"}}
    operation = CountFlowRuns(flow_runs=flow_runs({**before, **test_plans.MANY_FAILED}))
    tx = test_plans.Explaining(database)
    handler_of(operation)(tx, now(), operation)
    assert "COVERING INDEX ix_flow_run_of_state" in tx.plan, tx.plan
