"""Deployments by the client, and runs that are made of them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from legato import flow, get_client
from legato.client.schemas.actions import DeploymentUpdate
from legato.client.schemas.filters import DeploymentFilter, FlowFilter
from legato.exceptions import ObjectNotFound
from legato.states import Scheduled

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@flow
def etl(n):
    return n


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def deployed(client):
    def deploy(name="daily", **given):
        return client.create_deployment(client.create_flow(etl), name, **given)

    return deploy


def test_a_deployment_is_made_read_changed_and_deleted(client, deployed):
    made = deployed(tags=["a"], parameters={"n": 1}, entrypoint="etl.py:etl", paused=True)
    known = client.read_deployment(made)
    assert known == client.read_deployment_by_name("etl/daily")
    assert (known.id, known.tags, known.parameters, known.paused) == (made, ["a"], {"n": 1}, True)
    client.resume_deployment(made)
    client.update_deployment(str(made), DeploymentUpdate(description="d", parameters={"n": 2}))
    known = client.read_deployment(made)
    assert (known.paused, known.description, known.tags) == (False, "d", ["a"])
    client.pause_deployment(made)
    assert client.read_deployment(made).paused
    client.delete_deployment(made)
    with pytest.raises(ObjectNotFound):
        client.read_deployment(made)
    with pytest.raises(ObjectNotFound):
        client.delete_deployment(made)


def test_one_of_the_same_name_is_replaced(client, deployed):
    first = deployed(description="old")
    assert deployed(version="2") == first
    assert client.read_deployment(first).description is None


def test_deployments_are_found_with_what_belongs_to_them(client, deployed):
    deployed("daily", tags=["x"])
    deployed("weekly")
    names = [found.name for found in client.read_deployments()]
    assert names == ["daily", "weekly"]
    picked = DeploymentFilter(tags={"all_": ["x"]})
    assert [found.name for found in client.read_deployments(deployment_filter=picked)] == ["daily"]
    gone = FlowFilter(name={"any_": ["gone"]})
    assert client.read_deployments(flow_filter=gone) == []
    found = client.read_deployments(sort="NAME_DESC", limit=1)
    assert [deployment.name for deployment in found] == ["weekly"]
    assert [known.name for known in client.read_flows(deployment_filter=picked)] == ["etl"]


def test_a_run_has_what_the_deployment_says_and_what_is_asked_for(client, deployed):
    made = deployed(parameters={"n": 1}, tags=["a"], parameter_openapi_schema=SCHEMA)
    made_run = client.create_flow_run_from_deployment(
        made, parameters={"m": 2}, tags=["b"], name="now", idempotency_key="k"
    )
    assert made_run.parameters == {"n": 1, "m": 2}
    assert (made_run.name, sorted(made_run.tags)) == ("now", ["a", "b"])
    assert (made_run.deployment_id, made_run.state.type.value) == (made, "SCHEDULED")
    again = client.create_flow_run_from_deployment(made, idempotency_key="k")
    assert again.id == made_run.id
    later = client.create_flow_run_from_deployment(made, state=Scheduled(message="later"))
    assert later.state.message == "later"
    picked = DeploymentFilter(name={"any_": ["daily"]})
    assert client.count_flow_runs(deployment_filter=picked) == 2


@pytest.mark.parametrize("name", ["", "etl", "etl/", "/daily", "etl/daily/x"])
def test_a_name_has_two_parts(client, name):
    with pytest.raises(ValueError, match="FLOW/DEPLOYMENT"):
        client.read_deployment_by_name(name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"schedules": [{"cron": "* * * * *"}]}, "schedules"),
        ({"concurrency_limit": 1}, "concurrency_limit"),
        ({"storage_document_id": uuid4()}, "storage_document_id"),
    ],
)
def test_what_deployments_do_not_have_is_refused(deployed, given, said):
    with pytest.raises(ValueError, match=said):
        deployed(**given)


def test_the_async_client_does_the_same():
    async def ask():
        async with get_client() as client:
            made = await client.create_deployment(await client.create_flow(etl), "daily")
            created = await client.create_flow_run_from_deployment(made, parameters={"n": 3})
            return made, created, (await client.read_deployment_by_name("etl/daily")).id

    made, created, found = asyncio.run(ask())
    assert made == found == created.deployment_id
    assert created.parameters == {"n": 3}
