"""Counts of runs: over time, by state, by flow run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

HOUR = 3600.0


def asked(start, hours, **more):
    end = start + timedelta(hours=hours)
    return {
        "history_start": start.isoformat(),
        "history_end": end.isoformat(),
        "history_interval_seconds": HOUR,
        **more,
    }


def test_flow_runs_over_time(api, run):
    for state in ("COMPLETED", "COMPLETED", "RUNNING"):
        run(state)
    start = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    found = api.post("/flow_runs/history", json=asked(start, 3)).json()
    assert [len(part["states"]) for part in found] == [0, 0, 2]
    assert found[0]["interval_end"] == found[1]["interval_start"]
    counts = {state["state_name"]: state["count_runs"] for state in found[2]["states"]}
    assert counts == {"Completed": 2, "Running": 1}
    running = next(s for s in found[2]["states"] if s["state_type"] == "RUNNING")
    assert running["sum_estimated_run_time"] >= 0
    none = asked(start, 3, flow_runs={"id": {"any_": [str(uuid4())]}})
    assert all(not part["states"] for part in api.post("/flow_runs/history", json=none).json())


def test_all_runs_are_counted_as_those_that_a_filter_picks(api, run):
    for state in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "RUNNING", "PENDING"):
        run(state)
    made = run("PENDING")
    for kind, name in (("RUNNING", "Running"), ("FAILED", "TimedOut")):
        body = {"state": {"type": kind, "name": name}}
        api.post(f"/flow_runs/{made['id']}/set_state", json=body)
    start = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    found = api.post("/flow_runs/history", json=asked(start, 3)).json()
    picked = asked(start, 3, flow_runs={"name": {"like_": ""}})
    expected = api.post("/flow_runs/history", json=picked).json()
    for part in (*found, *expected):
        for state in part["states"]:
            if state["state_type"] in ("RUNNING", "PENDING"):
                del state["sum_estimated_run_time"], state["sum_estimated_lateness"]
    assert found == expected
    assert [state["state_name"] for state in found[2]["states"]] == [
        "Cancelled", "Completed", "Crashed", "Failed", "TimedOut", "Pending", "Running",
    ]  # fmt: skip


def test_a_run_that_is_late_says_for_how_long(api, run):
    due = datetime.now(UTC) - timedelta(minutes=10)
    details = {"scheduled_time": due.isoformat()}
    made = run()
    body = {"state": {"type": "SCHEDULED", "state_details": details}, "force": True}
    api.post(f"/flow_runs/{made['id']}/set_state", json=body)
    start = datetime.now(UTC) - timedelta(minutes=30)
    (part,) = api.post("/flow_runs/history", json=asked(start, 1)).json()
    assert part["states"][0]["sum_estimated_lateness"] >= 0


def test_task_runs_over_time_and_by_state(api, run):
    first, second = run()["id"], run()["id"]
    for key, state in [("a", "COMPLETED"), ("b", "FAILED"), ("c", "FAILED")]:
        body = {"task_key": "t", "dynamic_key": key, "flow_run_id": first, "state": {"type": state}}
        assert api.post("/task_runs/", json=body).status_code == 201
    start = datetime.now(UTC) - timedelta(minutes=30)
    (part,) = api.post("/task_runs/history", json=asked(start, 1)).json()
    assert sorted(state["count_runs"] for state in part["states"]) == [1, 2]
    counts = api.post("/ui/task_runs/count", json={}).json()
    assert (counts["COMPLETED"], counts["FAILED"], counts["CRASHED"]) == (1, 2, 0)
    ids = {"flow_run_ids": [first, second]}
    assert api.post("/ui/flow_runs/count-task-runs", json=ids).json() == {first: 3, second: 0}


@pytest.mark.parametrize(("hours", "count"), [(0, 0), (-1, 0), (1000, 500)])
def test_how_many_intervals_there_are(api, hours, count):
    found = api.post("/flow_runs/history", json=asked(datetime.now(UTC), hours)).json()
    assert len(found) == count


def test_an_interval_has_at_least_a_second(api):
    body = {**asked(datetime.now(UTC), 1), "history_interval_seconds": 0.5}
    assert api.post("/flow_runs/history", json=body).status_code == 422
