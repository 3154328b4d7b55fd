"""The clients on a home and through servers, with what real runs have recorded."""

from __future__ import annotations

import asyncio
import inspect
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from legato import flow, get_client, get_run_logger, tags, task
from legato._sdk import generate
from legato.client import Client, SyncClient
from legato.client import get_client as public_get_client
from legato.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
    LogFilter,
    TaskRunFilter,
)
from legato.client.schemas.objects import (
    Flow,
    FlowRun,
    Log,
    OrchestrationResult,
    State,
    StateType,
    TaskRun,
)
from legato.client.schemas.sorting import FlowRunSort, LogSort, TaskRunSort
from legato.exceptions import InvalidRequest, ObjectNotFound, ValidationError
from legato.runtime import flow_run
from legato.states import Cancelling, Completed, Running, Scheduled
from tests.api.conftest import PLACES

NOBODY = UUID(int=7)


@pytest.fixture(params=PLACES)
def place(request):
    return request.param


@task(tags=["t"])
def double(x: int) -> int:
    get_run_logger().info("doubling %d", x)
    return 2 * x


@flow(name="calc", flow_run_name="calc-{x}")
def calculate(x: int) -> int:
    return double(double(x))


@flow(name="outer")
def outer() -> int:
    return calculate(1)


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def run(client):
    with tags("a"):
        calculate(3)
    [run] = client.read_flow_runs()
    return run


def test_what_a_run_has_recorded(client, run):
    assert type(run) is FlowRun
    assert (run.name, run.parameters, run.tags, run.run_count) == ("calc-3", {"x": 3}, ["a"], 1)
    assert type(run.state) is State
    assert run.state.is_completed()
    assert run.state.state_details.flow_run_id == run.id
    assert client.read_flow_run(run.id) == client.read_flow_run(str(run.id)) == run
    assert [state.name for state in client.read_flow_run_states(run.id)] == [
        "Pending",
        "Running",
        "Completed",
    ]
    assert client.read_flow_run_state(run.state_id).is_completed()
    read = client.read_flow(run.flow_id)
    assert type(read) is Flow
    assert client.read_flow_by_name("calc") == read == client.read_flows()[0]


def test_the_task_runs_of_a_run(client, run):
    of_run = FlowRunFilter(id={"any_": [run.id]})
    first, _ = client.read_task_runs(
        flow_run_filter=of_run, sort=TaskRunSort.EXPECTED_START_TIME_ASC
    )
    assert client.count_task_runs(flow_run_filter=of_run) == 2
    assert type(first) is TaskRun
    assert (first.tags, first.state_name, first.flow_run_id) == (["a", "t"], "Completed", run.id)
    assert client.read_task_run(first.id) == first
    assert [s.type for s in client.read_task_run_states(first.id)] == [
        StateType.PENDING,
        StateType.RUNNING,
        StateType.COMPLETED,
    ]
    (state, *_) = client.read_task_run_states(first.id)
    assert client.request("GET", f"/task_run_states/{state.id}").json()["type"] == "PENDING"
    for other in (uuid4(), first.id, run.state_id):
        assert client.request("GET", f"/task_run_states/{other}").status_code == 404
    assert client.count_task_runs(task_run_filter=TaskRunFilter(tags={"all_": ["t"]})) == 2
    client.delete_task_run(first.id)
    assert client.count_task_runs() == 1


def test_the_log_of_a_run(client, run):
    lines = client.read_logs(LogFilter(flow_run_id={"any_": [run.id]}, level={"ge_": logging.INFO}))
    messages = [line.message for line in lines]
    assert "doubling 3" in messages
    assert messages.index("doubling 3") < messages.index("doubling 6")
    assert type(lines[0]) is Log
    newest = client.read_logs(sort=LogSort.TIMESTAMP_DESC, limit=1)
    assert newest == [lines[-1]]
    of_tasks = LogFilter(task_run_id={"is_null_": False})
    assert [line.message for line in client.read_logs(of_tasks)] == ["doubling 3", "doubling 6"]


def test_lines_are_logged_from_outside(client):
    line = {"name": "n", "level": 20, "message": "m", "timestamp": datetime.now(UTC).isoformat()}
    client.create_logs([line, {**line, "flow_run_id": str(NOBODY)}])
    assert [log.flow_run_id for log in client.read_logs()] == [None, NOBODY]


def test_subflows_hang_below_their_parents(client):
    outer()
    [child] = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["calc"])))
    [parent] = client.read_flow_runs(flow_filter=FlowFilter(name={"any_": ["outer"]}))
    below = FlowRunFilter(parent_flow_run_id={"any_": [parent.id]})
    assert client.read_flow_runs(flow_run_filter=below) == [child]
    link = client.read_task_run(child.parent_task_run_id)
    assert link.state.state_details.child_flow_run_id == child.id
    client.delete_flow_run(parent.id)
    assert client.count_flow_runs() == client.count_task_runs() == 0


def test_a_run_is_made_and_moved_by_hand(client):
    made = client.create_flow_run(calculate, name="mine", parameters={"x": 1}, tags=["b", "a"])
    assert (made.name, made.state.name, made.tags) == ("mine", "Pending", ["a", "b"])
    answer = client.set_flow_run_state(made.id, Running())
    assert type(answer) is OrchestrationResult
    assert (answer.status, answer.state.is_running()) == ("ACCEPT", True)
    client.set_flow_run_name(made.id, "renamed")
    client.update_flow_run(made.id, tags=["c"])
    assert client.set_flow_run_state(made.id, Completed(message="by hand")).status == "ACCEPT"
    assert client.set_flow_run_state(made.id, Scheduled()).status == "ABORT"
    found = client.read_flow_run(made.id)
    assert (found.name, found.tags, found.state.message) == ("renamed", ["c"], "by hand")
    tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=["c"]))
    assert client.read_flow_runs(flow_run_filter=tagged) == [found]


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_that_is_cancelled_at_work_ends_cancelled_with_its_hooks(client, fails):
    heard = []

    @flow(
        on_cancellation=[lambda *seen: heard.append(seen[-1].name)],
        on_completion=[lambda *seen: heard.append("completed")],
        on_failure=[lambda *seen: heard.append("failed")],
    )
    def stubborn():
        assert client.set_flow_run_state(flow_run.id, Cancelling()).status == "ACCEPT"
        if fails:
            raise ValueError("no")
        return 1

    assert stubborn(return_state=True).is_cancelled()
    assert heard == ["Cancelled"]
    [run] = client.read_flow_runs()
    assert run.state.is_cancelled()


def test_flows_are_made_once(client):
    first = client.create_flow(calculate)
    assert client.create_flow_from_name("calc") == first
    assert client.count_flows() == 1
    client.delete_flow(first)
    assert client.count_flows() == 0


def test_pages_and_orders(client):
    for x in range(3):
        calculate(x)
    names = [run.name for run in client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)]
    assert names == ["calc-2", "calc-1", "calc-0"]
    page = client.read_flow_runs(sort="NAME_ASC", limit=1, offset=1)
    assert [run.name for run in page] == ["calc-1"]
    after = client.read_flow_runs(sort="NAME_ASC", limit=1)[0]
    page = client.read_flow_runs(sort="NAME_ASC", after=str(after.id))
    assert [run.name for run in page] == ["calc-1", "calc-2"]
    with pytest.raises(InvalidRequest):
        client.read_flow_runs(limit=201)


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.read_flow(NOBODY),
        lambda c: c.read_flow_by_name("nobody"),
        lambda c: c.read_flow_run(NOBODY),
        lambda c: c.read_flow_run_state(NOBODY),
        lambda c: c.read_task_run(str(NOBODY)),
        lambda c: c.delete_flow_run(NOBODY),
        lambda c: c.delete_task_run(NOBODY),
        lambda c: c.delete_flow(NOBODY),
        lambda c: c.set_flow_run_state(NOBODY, Running()),
        lambda c: c.set_task_run_state(NOBODY, Running()),
    ],
)
def test_what_is_not_there_is_not_found(client, ask):
    with pytest.raises(ObjectNotFound, match=r"nobody|0007"):
        ask(client)


def test_a_backend_that_works_is_healthy(client):
    assert client.hello() == "👋"
    assert client.api_healthcheck() is None


def test_the_async_client_says_the_same(client, run):
    async def ask():
        async with get_client() as asynchronous:
            assert type(asynchronous) is Client
            return (
                await asynchronous.read_flow_run(run.id),
                await asynchronous.read_flow_runs(limit=1),
                await asynchronous.count_task_runs(),
                await asynchronous.create_flow(calculate),
                (await asynchronous.request("GET", "/hello")).json(),
                await asynchronous.api_healthcheck(),
            )

    assert asyncio.run(ask()) == (run, [run], 2, run.flow_id, "👋", None)


def test_the_async_client_leaves_the_loop_free(home):
    async def ask():
        async with get_client() as asynchronous:
            beats = 0

            async def beat():
                nonlocal beats
                while True:
                    await asyncio.sleep(0)
                    beats += 1

            beating = asyncio.create_task(beat())
            await asynchronous.count_flows()
            beating.cancel()
            return beats

    assert asyncio.run(ask()) > 1


def test_both_clients_have_the_same_methods():
    def methods(kind):
        return {
            name: str(inspect.signature(method)).replace("SyncClient", "Client")
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(SyncClient) == methods(Client)
    assert public_get_client is not None
    assert all(inspect.iscoroutinefunction(getattr(Client, name)) for name in methods(Client))
    assert not any(
        inspect.iscoroutinefunction(getattr(SyncClient, name)) for name in methods(Client)
    )


def test_the_sync_client_is_the_async_one_without_waiting(capsys):
    assert generate.main(check=True) == 0
    assert all("await" not in generate.sync_text(source) for source in generate.FILES)


# -- requests by path


def test_requests_by_path(client, run):
    found = client.request("POST", "/task_runs/count", json={"flow_runs": {"id": {"any_": []}}})
    assert (found.status_code, found.json()) == (200, 0)
    everything = client.request("POST", "/task_runs/filter", json={"limit": 1})
    assert [t["state"]["type"] for t in everything.json()] == ["COMPLETED"]
    one = client.request("GET", f"/flow_runs/{run.id}").json()
    assert one == run.model_dump(mode="json")
    assert one["total_run_time"] == run.total_run_time.total_seconds() > 0
    assert client.request("get", "flows/name/calc/").json()["id"] == str(run.flow_id)
    states = client.request("GET", f"/flow_run_states/?flow_run_id={run.id}").json()
    assert [state["name"] for state in states] == ["Pending", "Running", "Completed"]


def test_changes_by_path(client):
    made = client.request("POST", "/flows/", json={"name": "by path"})
    assert made.status_code == 201
    body = {"flow_id": made.json()["id"], "parameters": {"n": 1}, "name": "ä b"}
    run = client.request("POST", "/flow_runs/", json=body).json()
    state = {"type": "RUNNING", "state_details": {"scheduled_time": None}}
    moved = client.request("POST", f"/flow_runs/{run['id']}/set_state", json={"state": state})
    assert (moved.status_code, moved.json()["status"]) == (200, "ACCEPT")
    gone = client.request("DELETE", f"/flow_runs/{run['id']}")
    assert (gone.status_code, gone.json()) == (204, None)
    again = client.request("DELETE", f"/flow_runs/{run['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


def test_names_in_paths_are_decoded(client):
    client.create_flow_from_name("ein Fluß?")
    found = client.request("GET", "/flows/name/ein%20Flu%C3%9F%3F")
    assert found.json()["name"] == "ein Fluß?"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "places"),
    [
        ("GET", "/nowhere", None, 404, []),
        ("PUT", "/flow_runs/filter", {}, 404, []),
        ("GET", "/flow_runs/no-id", None, 422, [["flow_run_id"]]),
        ("GET", "/flow_run_states/", None, 422, [["flow_run_id"]]),
        ("POST", "/flow_runs/filter", {"limit": 201}, 422, []),
        ("POST", "/flow_runs/filter", [1], 422, [[]]),
        ("POST", "/flow_runs/filter", {"sort": "UP", "nonsense": 1}, 422, [["sort"], ["nonsense"]]),
        (
            "POST",
            "/flow_runs/count",
            {"flow_runs": {"state": {"type": {"any_": ["BAD"]}}}},
            422,
            [["flow_runs", "state", "type", "any_", 0]],
        ),
        ("POST", "/flows/", {"name": "a/b"}, 422, []),
    ],
)
def test_bad_requests_by_path(client, method, path, body, status, places):
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert [problem["loc"] for problem in answer.json().get("problems", [])] == places


def test_the_faults_of_filters_are_named():
    with pytest.raises(ValidationError) as caught:
        FlowRunFilter(nme={"any_": ["x"]}, state={"type": {"any_": ["DONE"]}})
    assert [p["loc"] for p in caught.value.problems] == [
        ["nme"],
        ["state", "type", "any_", 0],
    ]


def test_runs_that_go_on_say_how_long(client):
    @flow
    def watching():
        with get_client(sync_client=True) as inner:
            [run] = inner.read_flow_runs()
        return run

    run = watching()
    assert run.state.is_running()
    assert run.total_run_time == timedelta(0)
    assert run.estimated_run_time >= timedelta(0)


def test_a_process_that_reads_loads_no_sqlalchemy(home, run):
    code = f"""
import sys
from legato import get_client
from legato.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
with get_client(sync_client=True) as client:
    run = client.read_flow_run("{run.id}")
    assert run.state.is_completed()
    assert len(client.read_flow_run_states(run.id)) == 3
    assert client.read_flow(run.flow_id).name == "calc"
    assert client.read_flow_by_name("calc").id == run.flow_id
    done = FlowRunFilter(id=dict(any_=[run.id]), state=dict(type=dict(any_=["COMPLETED"])))
    assert [found.id for found in client.read_flow_runs(flow_run_filter=done)] == [run.id]
    assert client.count_flow_runs(flow_run_filter=done) == 1
    [task_run, *_] = client.read_task_runs(flow_run_filter=done)
    assert client.read_task_run(task_run.id).flow_run_id == run.id
    assert client.read_flows(flow_filter=FlowFilter(name=dict(like_="cal")))
    client.read_logs()
    client.update_flow_run(run.id, tags=["read"])
    assert client.read_flow_run(run.id).tags == ["read"]
assert not {{"sqlalchemy", "alembic", "asyncio", "pydantic"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
