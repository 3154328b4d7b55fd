"""Work pools and work queues by the client, embedded as over a server."""

from __future__ import annotations

import asyncio

import pytest

from legato import flow, get_client
from legato.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from legato.client.schemas.filters import (
    WorkerFilter,
    WorkerFilterStatus,
    WorkPoolFilter,
    WorkPoolFilterName,
    WorkQueueFilter,
    WorkQueueFilterName,
)
from legato.client.schemas.objects import WorkerStatus, WorkPoolStatus
from legato.exceptions import ObjectAlreadyExists, ObjectNotFound
from legato.states import Pending


@flow
def etl():
    return 1


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def pool(client):
    return client.create_work_pool(WorkPoolCreate(name="here", type="process"))


def test_a_pool_is_made_read_changed_and_deleted(client, pool):
    assert (pool.type, pool.status) == ("process", WorkPoolStatus.NOT_READY)
    assert client.read_work_pool("here") == pool
    client.update_work_pool("here", WorkPoolUpdate(is_paused=True, concurrency_limit=2))
    known = client.read_work_pool("here")
    assert (known.status, known.concurrency_limit) == (WorkPoolStatus.PAUSED, 2)
    with pytest.raises(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name="here", type="process"))
    same = WorkPoolCreate(name="here", type="process", description="new")
    written = client.create_work_pool(same, overwrite=True)
    assert (written.id, written.description, written.is_paused) == (pool.id, "new", False)
    client.delete_work_pool("here")
    with pytest.raises(ObjectNotFound):
        client.read_work_pool("here")


def test_queues_are_made_found_changed_and_deleted(client, pool):
    fast = client.create_work_queue("fast", work_pool_name="here", priority=1, concurrency_limit=4)
    assert (fast.priority, fast.concurrency_limit, fast.work_pool_name) == (1, 4, "here")
    assert [queue.name for queue in client.read_work_queues("here")] == ["fast", "default"]
    assert client.read_work_queue(str(fast.id)) == client.read_work_queue_by_name("fast", "here")
    assert [queue.name for queue in client.match_work_queues(["fa"])] == ["fast"]
    client.update_work_queue(fast.id, is_paused=True)
    assert client.read_work_queue_by_name("fast").is_paused
    assert not client.read_work_queue_status(fast.id).healthy
    client.delete_work_queue_by_id(fast.id)
    with pytest.raises(ObjectNotFound):
        client.read_work_queue(fast.id)
    assert client.create_work_queue("old").work_pool_name == "default-agent-pool"


def test_lists_look_at_pools_and_queues(client, pool):
    made = client.create_deployment(client.create_flow(etl), "daily", work_pool_name="here")
    run = client.create_flow_run(etl, work_pool_name="here", work_queue_name="q")
    client.create_flow_run(etl)
    of_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=["here"]))
    of_queue = WorkQueueFilter(name=WorkQueueFilterName(any_=["q"]))
    assert [each.id for each in client.read_flow_runs(work_pool_filter=of_pool)] == [run.id]
    assert client.count_flow_runs(work_queue_filter=of_queue) == 1
    assert [each.id for each in client.read_deployments(work_pool_filter=of_pool)] == [made]
    assert client.read_deployments(work_queue_filter=of_queue) == []
    assert [each.name for each in client.read_flows(work_pool_filter=of_pool)] == ["etl"]
    assert [each.name for each in client.read_work_pools(work_pool_filter=of_pool)] == ["here"]
    with pytest.raises(ObjectNotFound, match="none"):
        client.create_flow_run(etl, work_pool_name="none")


def test_the_async_client_has_the_same():
    async def use():
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name="there", type="process"))
            await client.create_work_queue("q", work_pool_name="there")
            return [queue.name for queue in await client.read_work_queues("there")]

    assert asyncio.run(use()) == ["default", "q"]


def test_workers_tell_of_themselves_and_are_listed(client, pool):
    client.send_worker_heartbeat("here", "ada", heartbeat_interval_seconds=9.5)
    (worker,) = client.read_workers_for_work_pool("here")
    assert (worker.name, worker.heartbeat_interval_seconds) == ("ada", 10)
    assert (worker.work_pool_id, worker.status) == (pool.id, WorkerStatus.ONLINE)
    assert client.read_work_pool("here").status is WorkPoolStatus.READY
    offline = WorkerFilter(status=WorkerFilterStatus(any_=[WorkerStatus.OFFLINE]))
    assert client.read_workers_for_work_pool("here", offline) == []
    with pytest.raises(ObjectNotFound):
        client.send_worker_heartbeat("none", "ada")


def test_runs_that_are_due_are_fetched(client, pool):
    flow_id = client.create_flow(etl)
    made = client.create_deployment(flow_id, "daily", work_pool_name="here")
    run = client.create_flow_run_from_deployment(made)
    (found,) = client.get_scheduled_flow_runs_for_work_pool("here", ["default"])
    assert (found.work_pool_id, found.flow_run.id) == (pool.id, run.id)
    assert found.flow_run.state.is_scheduled()
    queue = client.read_work_queue_by_name("default", "here")
    assert found.work_queue_id == queue.id
    assert [run.id for run in client.get_runs_in_work_queue(queue.id)] == [run.id]
    assert [run.id for run in client.get_scheduled_flow_runs_for_deployments([made])] == [run.id]
    assert client.read_work_queue(queue.id).status is WorkPoolStatus.READY


def test_who_has_slots_is_told(client, pool):
    flow_id = client.create_flow(etl)
    made = client.create_deployment(flow_id, "daily", work_pool_name="here")
    run = client.create_flow_run_from_deployment(made)
    client.set_flow_run_state(run.id, Pending())
    found = client.read_work_pool_concurrency_status("here")
    assert [held.id for held in found.queues[0].flow_runs] == [run.id]
    queue = client.read_work_queue_concurrency_status(found.queues[0].queue_id)
    assert (queue.active_slots, queue.flow_runs[0].name) == (1, run.name)
