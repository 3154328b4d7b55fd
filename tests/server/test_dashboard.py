"""Few numbers about many runs, as a dashboard asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest


def due(api, run, **later):
    """Create a flow run that is scheduled for then; returns its id."""
    at = datetime.now(UTC) + timedelta(**later)
    details = {"scheduled_time": at.isoformat()}
    body = {"state": {"type": "SCHEDULED", "state_details": details}, "force": True}
    made = run()["id"]
    assert api.post(f"/flow_runs/{made}/set_state", json=body).status_code == 201
    return made


def test_without_runs_nothing_is_late(api):
    answer = api.post("/flow_runs/lateness", json={})
    assert (answer.status_code, answer.json()) == (200, None)


def test_how_late_runs_are_on_average(api, run):
    due(api, run, hours=1)
    assert api.post("/flow_runs/lateness", json={}).json() == pytest.approx(0, abs=10)
    assert api.post("/flow_runs/lateness", json={"flow_runs": {"id": {"any_": []}}}).json() is None


def test_flow_runs_as_points(api, run):
    first, second = run("COMPLETED"), run("RUNNING")
    found = api.post("/ui/flow_runs/history", json={"sort": "EXPECTED_START_TIME_ASC"}).json()
    assert [point["id"] for point in found] == [first["id"], second["id"]]
    assert set(found[0]) == {"id", "state_type", "timestamp", "duration", "lateness"}
    assert found[0]["timestamp"] == first["expected_start_time"]
    assert found[1]["state_type"] == "RUNNING"
    few = {"limit": 1, "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
    assert [p["id"] for p in api.post("/ui/flow_runs/history", json=few).json()] == [second["id"]]


def test_points_may_be_more_than_other_lists(api):
    assert api.post("/ui/flow_runs/history", json={"limit": 1000}).status_code == 200
    assert api.post("/ui/flow_runs/history", json={"limit": 1001}).status_code == 422


def test_the_next_run_of_each_flow(api, run, flow):
    other = str(uuid4())
    ids = {"flow_ids": [flow["id"], other]}
    assert api.post("/ui/flows/next-runs", json=ids).json() == {flow["id"]: None, other: None}
    due(api, run, hours=2)
    first = due(api, run, hours=1)
    found = api.post("/ui/flows/next-runs", json=ids).json()
    assert (found[flow["id"]]["id"], found[other]) == (first, None)
    assert found[flow["id"]]["state_type"] == "SCHEDULED"
    assert api.post("/ui/flows/count-deployments", json=ids).json() == {flow["id"]: 0, other: 0}


def test_too_many_flows_at_once(api):
    ids = {"flow_ids": [str(uuid4()) for _ in range(201)]}
    for path in ("next-runs", "count-deployments"):
        assert api.post(f"/ui/flows/{path}", json=ids).status_code == 422


def test_task_runs_that_have_ended(api, run):
    for key, states in [("a", "C"), ("b", "F"), ("c", "F"), ("d", "")]:
        body = {"task_key": "t", "dynamic_key": key, "flow_run_id": run("RUNNING")["id"]}
        made = api.post("/task_runs/", json=body).json()["id"]
        ends = {"C": ["COMPLETED"], "F": ["FAILED"], "": []}[states]
        for state in ["RUNNING", *ends]:
            api.post(f"/task_runs/{made}/set_state", json={"state": {"type": state}})
    start = datetime.now(UTC) - timedelta(hours=1)
    body = {"task_runs": {"start_time": {"after_": start.isoformat()}}}
    found = api.post("/ui/task_runs/dashboard/counts", json=body).json()
    assert len(found) == 20
    assert sum(part["completed"] for part in found) == 1
    assert sum(part["failed"] for part in found) == 2
    assert found[-1] == {"completed": 1, "failed": 2}


def test_task_runs_that_have_ended_of_a_queue(api, run):
    body = {"task_key": "t", "dynamic_key": "a", "flow_run_id": run("RUNNING")["id"]}
    made = api.post("/task_runs/", json=body).json()["id"]
    for state in ("RUNNING", "COMPLETED"):
        api.post(f"/task_runs/{made}/set_state", json={"state": {"type": state}})
    start = datetime.now(UTC) - timedelta(hours=1)
    body = {"task_runs": {"start_time": {"after_": start.isoformat()}}}
    queue = {"name": {"any_": ["none"]}}

    def completed(**more):
        found = api.post("/ui/task_runs/dashboard/counts", json=body | more).json()
        return sum(part["completed"] for part in found)

    assert completed() == 1
    assert completed(work_queues=queue) == completed(work_pool_queues=queue) == 0
    both = body | {"work_queues": queue, "work_pool_queues": queue}
    assert api.post("/ui/task_runs/dashboard/counts", json=both).status_code == 422


@pytest.mark.parametrize("body", [{}, {"task_runs": {"start_time": {"is_null_": False}}}])
def test_the_begin_of_the_intervals_is_needed(api, body):
    answer = api.post("/ui/task_runs/dashboard/counts", json=body)
    assert answer.status_code == 422
    assert "after_" in answer.json()["detail"]


def test_a_task_run_with_the_name_of_its_flow_run(api, run):
    above = run("RUNNING")
    body = {"task_key": "t", "dynamic_key": "0", "flow_run_id": above["id"]}
    made = api.post("/task_runs/", json=body).json()
    found = api.get(f"/ui/task_runs/{made['id']}").json()
    assert set(found) == {*made, "flow_run_name"}
    assert (found["id"], found["flow_run_name"]) == (made["id"], above["name"])
    assert found["state"] == made["state"]
    assert api.get(f"/ui/task_runs/{uuid4()}").status_code == 404
