"""States that Prefect's clients propose: status code, verdict, the state that the run is in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest


def soon(**later):
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


def test_a_run_runs_and_completes(api, run, move):
    made = run()
    assert move(made["id"], "RUNNING") == (201, "ACCEPT", "Running")
    assert move(made["id"], "COMPLETED", message="done") == (201, "ACCEPT", "Completed")
    found = api.get(f"/flow_runs/{made['id']}").json()
    assert (found["run_count"], found["state"]["message"]) == (1, "done")
    assert found["start_time"] is not None
    states = api.get("/flow_run_states/", params={"flow_run_id": made["id"]}).json()
    assert [state["name"] for state in states] == ["Pending", "Running", "Completed"]


@pytest.mark.parametrize(
    ("start", "proposed", "expected"),
    [
        ("RUNNING", {"type": "PENDING"}, (200, "ABORT", "Running")),
        ("PENDING", {"type": "PENDING"}, (200, "ABORT", "Pending")),
        ("PENDING", {"type": "PENDING", "name": "Submitting"}, (201, "ACCEPT", "Submitting")),
        ("COMPLETED", {"type": "RUNNING"}, (201, "ACCEPT", "Running")),
        ("FAILED", {"type": "RUNNING"}, (201, "ACCEPT", "Running")),
        ("FAILED", {"type": "CANCELLING"}, (200, "ABORT", "Failed")),
        ("FAILED", {"type": "SCHEDULED"}, (200, "ABORT", "Failed")),
        ("SCHEDULED", {"type": "CANCELLING"}, (201, "REJECT", "Cancelled")),
        ("SCHEDULED", {"type": "SCHEDULED", "name": "Late"}, (201, "ACCEPT", "Late")),
        ("PENDING", {"type": "SCHEDULED", "name": "Late"}, (200, "REJECT", "Pending")),
        ("PENDING", {"type": "PAUSED"}, (200, "REJECT", "Pending")),
        ("RUNNING", {"type": "FAILED"}, (201, "ACCEPT", "Failed")),
    ],
)
def test_which_state_may_follow(run, move, start, proposed, expected):
    made = run(start)
    more = {key: value for key, value in proposed.items() if key != "type"}
    assert move(made["id"], proposed["type"], **more) == expected


def test_what_is_cancelling_only_ends_cancelled(run, move):
    made = run("RUNNING")
    assert move(made["id"], "CANCELLING") == (201, "ACCEPT", "Cancelling")
    assert move(made["id"], "SCHEDULED") == (200, "REJECT", "Cancelling")
    assert move(made["id"], "CANCELLED") == (201, "ACCEPT", "Cancelled")


def test_a_run_waits_for_its_time(api, run):
    made = run("SCHEDULED")
    api.post(
        f"/flow_runs/{made['id']}/set_state",
        json={"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": soon(hours=1)}}},
    )
    answer = api.post(f"/flow_runs/{made['id']}/set_state", json={"state": {"type": "RUNNING"}})
    assert answer.status_code == 200
    assert answer.json()["status"] == "WAIT"
    assert 3500 < answer.json()["details"]["delay_seconds"] <= 3600


def test_a_worker_that_takes_a_run_keeps_its_time(api, run):
    made = run("SCHEDULED")
    due = made["state"]["state_details"]["scheduled_time"]
    answer = api.post(f"/flow_runs/{made['id']}/set_state", json={"state": {"type": "PENDING"}})
    assert answer.json()["state"]["state_details"]["scheduled_time"] == due


def test_a_repeated_transition_is_made_once(api, run):
    made = run()
    body = {"state": {"type": "RUNNING", "state_details": {"transition_id": str(uuid4())}}}
    first, second = (api.post(f"/flow_runs/{made['id']}/set_state", json=body) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (201, "ACCEPT")
    assert (second.status_code, second.json()["status"]) == (200, "REJECT")
    assert second.json()["state"]["id"] == first.json()["state"]["id"]
    assert api.get(f"/flow_runs/{made['id']}").json()["run_count"] == 1


def test_retries_are_decided_here(api, run, move):
    made = run("PENDING", empirical_policy={"retries": 1, "retry_delay": 5})
    move(made["id"], "RUNNING")
    assert move(made["id"], "FAILED") == (201, "REJECT", "AwaitingRetry")
    found = api.get(f"/flow_runs/{made['id']}").json()
    assert found["empirical_policy"]["retry_type"] == "in_process"
    assert move(made["id"], "RUNNING", force=True)[1] == "ACCEPT"
    assert move(made["id"], "FAILED") == (201, "ACCEPT", "Failed")
    found = api.get(f"/flow_runs/{made['id']}").json()
    assert (found["run_count"], found["empirical_policy"]["retry_type"]) == (2, None)


def test_a_pause_fires_once_and_is_no_new_try(api, run, move):
    made = run()
    move(made["id"], "RUNNING")
    pause = {"state_details": {"pause_key": "1", "pause_timeout": soon(hours=1)}}
    assert move(made["id"], "PAUSED", **pause) == (201, "ACCEPT", "Paused")
    assert move(made["id"], "RUNNING") == (201, "ACCEPT", "Running")
    assert move(made["id"], "PAUSED", **pause) == (200, "REJECT", "Running")
    assert api.get(f"/flow_runs/{made['id']}").json()["run_count"] == 1


def test_a_run_that_was_paused_before_it_ran_begins_a_try(api, run):
    made = run("PAUSED")
    api.post(f"/flow_runs/{made['id']}/set_state", json={"state": {"type": "RUNNING"}})
    assert api.get(f"/flow_runs/{made['id']}").json()["run_count"] == 1


def test_a_pause_that_timed_out_fails_the_run(run, move):
    made = run()
    move(made["id"], "RUNNING")
    move(made["id"], "PAUSED", state_details={"pause_timeout": soon(hours=-1)})
    assert move(made["id"], "RUNNING") == (201, "REJECT", "Failed")


@pytest.mark.parametrize("end", ["COMPLETED", "CRASHED", "CANCELLED"])
def test_what_follows_a_pause_that_timed_out_is_its_failure(run, move, end):
    made = run("RUNNING")
    move(made["id"], "PAUSED", state_details={"pause_timeout": soon(hours=-1)})
    assert move(made["id"], end) == (201, "REJECT", "Failed")


@pytest.mark.parametrize("hours", [-1, 1])
def test_who_waits_in_a_pause_is_told_of_the_cancellation(run, move, hours):
    made = run("RUNNING")
    move(made["id"], "PAUSED", state_details={"pause_timeout": soon(hours=hours)})
    assert move(made["id"], "CANCELLING") == (201, "ACCEPT", "Cancelling")


def test_a_forced_claim_waits_for_no_time(run, move):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": soon(hours=1)}}
    forced, asked = run(due), run(due)
    move(forced["id"], "PENDING", force=True)
    assert move(forced["id"], "RUNNING") == (201, "ACCEPT", "Running")
    move(asked["id"], "PENDING")
    assert move(asked["id"], "RUNNING") == (200, "WAIT", "Pending")


def test_force_asks_no_rule(run, move):
    made = run("RUNNING")
    assert move(made["id"], "PENDING", force=True) == (201, "ACCEPT", "Pending")
    assert move(made["id"], "COMPLETED", force=True) == (201, "ACCEPT", "Completed")
    assert move(made["id"], "CANCELLING", force=True) == (200, "ABORT", "Completed")


def test_many_runs_move_at_once(api, run):
    ids = {run("SCHEDULED")["id"] for _ in range(3)}
    body = {"flow_runs": {"id": {"any_": sorted(ids)}}, "state": {"type": "CANCELLED"}}
    results = api.post("/flow_runs/bulk_set_state", json=body).json()["results"]
    assert {found["flow_run_id"] for found in results} == ids
    assert {(found["status"], found["state"]["type"]) for found in results} == {
        ("ACCEPT", "CANCELLED")
    }


def test_a_run_that_is_not_there(api):
    answer = api.post(f"/flow_runs/{uuid4()}/set_state", json={"state": {"type": "RUNNING"}})
    assert answer.status_code == 404
    assert "not found" in answer.json()["exception_message"]


RESULT = {"storage_key": "a/b", "serializer": {"type": "pickle"}, "prefect_version": "3.8.8"}


def test_what_a_client_says_of_its_result_is_kept(api, run, move):
    made = run("RUNNING")
    assert move(made["id"], "COMPLETED", data=RESULT) == (201, "ACCEPT", "Completed")
    found = api.get(f"/flow_runs/{made['id']}").json()["state"]
    assert found["data"] == RESULT
    assert "data" not in found["state_details"]
    states = api.get("/flow_run_states/", params={"flow_run_id": made["id"]}).json()
    assert [state["data"] for state in states] == [None, RESULT]


@pytest.mark.parametrize(
    ("proposed", "expected"),
    [
        ({"type": "RUNNING"}, (200, "REJECT", "Completed")),
        ({"type": "RUNNING", "force": True}, (201, "ACCEPT", "Running")),
        ({"type": "COMPLETED"}, (200, "REJECT", "Completed")),
        ({"type": "COMPLETED", "force": True}, (200, "REJECT", "Completed")),
        ({"type": "COMPLETED", "data": {**RESULT, "storage_key": "c"}}, (201, "ACCEPT")),
        ({"type": "FAILED"}, (201, "ACCEPT", "Failed")),
    ],
)
def test_a_result_that_is_kept_is_not_lost(run, move, proposed, expected):
    made = run("RUNNING")
    move(made["id"], "COMPLETED", data=RESULT)
    more = {key: value for key, value in proposed.items() if key != "type"}
    assert move(made["id"], proposed["type"], **more)[: len(expected)] == expected


@pytest.mark.parametrize("data", [None, {"type": "unpersisted"}])
def test_a_result_that_was_kept_nowhere_may_be_made_again(api, run, move, data):
    made = run("RUNNING")
    move(made["id"], "COMPLETED", data=data)
    assert api.get(f"/flow_runs/{made['id']}").json()["state"]["data"] is None
    assert move(made["id"], "RUNNING") == (201, "ACCEPT", "Running")


def test_what_a_client_says_of_a_task_s_result(api, run):
    body = {"task_key": "t", "dynamic_key": "0", "flow_run_id": run("RUNNING")["id"]}
    made = api.post("/task_runs/", json=body).json()
    move = f"/task_runs/{made['id']}/set_state"
    for state in ({"type": "RUNNING"}, {"type": "COMPLETED", "data": RESULT}):
        assert api.post(move, json={"state": state}).json()["status"] == "ACCEPT"
    assert api.get(f"/task_runs/{made['id']}").json()["state"]["data"] == RESULT
    answer = api.post(move, json={"state": {"type": "RUNNING"}}).json()
    assert (answer["status"], answer["state"]["data"]) == ("REJECT", RESULT)
