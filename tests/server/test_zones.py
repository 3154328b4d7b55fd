"""Times without a zone, which Prefect's server takes as UTC."""

from __future__ import annotations

from uuid import uuid4

import pytest

NAIVE, ZONED = "2026-01-01T02:00:00", "2026-01-01T02:00:00Z"
LATER, EARLIER = {"after_": NAIVE}, {"before_": NAIVE}
SPAN = {"history_start": NAIVE, "history_end": "2026-01-01T05:00:00"}


def zoned(value):
    """The same request with zones."""
    if isinstance(value, dict):
        return {name: zoned(item) for name, item in value.items()}
    if isinstance(value, list):
        return [zoned(item) for item in value]
    return f"{value}Z" if isinstance(value, str) and value.startswith("2026-") else value


def fixed(answer):
    """An answer without what depends on the moment."""
    if isinstance(answer, dict):
        return {key: fixed(item) for key, item in answer.items() if "estimated" not in key}
    if isinstance(answer, float):  # how late something is
        return float
    return [fixed(item) for item in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/flow_runs/filter", {"flow_runs": {"start_time": LATER}}),
        ("/flow_runs/filter", {"flow_runs": {"expected_start_time": EARLIER}}),
        ("/flow_runs/count", {"flow_runs": {"end_time": LATER}}),
        ("/flow_runs/paginate", {"flow_runs": {"next_scheduled_start_time": LATER}}),
        ("/flow_runs/lateness", {"flow_runs": {"expected_start_time": LATER}}),
        ("/flow_runs/history", {**SPAN, "history_interval_seconds": 3600}),
        ("/task_runs/filter", {"task_runs": {"expected_start_time": LATER}}),
        ("/task_runs/history", {**SPAN, "history_interval_seconds": 3600}),
        ("/ui/task_runs/dashboard/counts", {"task_runs": {"start_time": LATER}}),
        ("/logs/filter", {"logs": {"timestamp": LATER}}),
        ("/events/filter", {"filter": {"occurred": {"since": NAIVE, "until": NAIVE}}}),
        ("/deployments/get_scheduled_flow_runs", {"deployment_ids": [], "scheduled_before": NAIVE}),
    ],
)
def test_questions(api, flow, run, path, body):
    run({"type": "SCHEDULED", "state_details": {"scheduled_time": ZONED}})
    run("COMPLETED")
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert fixed(answer.json()) == fixed(api.post(path, json=zoned(body)).json())


def test_a_time_in_the_query(api, run):
    path = f"/flow_runs/{run('RUNNING')['id']}/graph-v2"
    assert api.get(path, params={"since": NAIVE}).json() == api.get(path).json()


def test_scheduled_runs(api, run):
    made = run({"type": "SCHEDULED", "state_details": {"scheduled_time": NAIVE}})
    assert made["next_scheduled_start_time"] == ZONED
    assert made["state"]["state_details"]["scheduled_time"] == ZONED


def test_paused_runs(api, run):
    details = {"pause_timeout": "2100-01-01T02:00:00", "pause_reschedule": False}
    state = {"type": "PAUSED", "name": "Paused", "state_details": details}
    path = f"/flow_runs/{run('RUNNING')['id']}/set_state"
    answer = api.post(path, json={"state": state}).json()
    assert answer["status"] == "ACCEPT"
    assert answer["state"]["state_details"]["pause_timeout"] == "2100-01-01T02:00:00Z"


def test_log_lines_and_events(api, run):
    line = {"name": "n", "level": 20, "message": "m", "timestamp": NAIVE}
    answer = api.post("/logs/", json=[{**line, "flow_run_id": run("RUNNING")["id"]}])
    assert answer.status_code == 201, answer.text
    assert [line["timestamp"] for line in api.post("/logs/filter", json={}).json()] == [ZONED]
    resource = {"prefect.resource.id": "r"}
    event = {"id": str(uuid4()), "occurred": NAIVE, "event": "e", "resource": resource}
    assert api.post("/events", json=[event]).status_code == 204


def test_a_day_is_its_begin(api, run):
    made = run({"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-01-02"}})
    assert made["next_scheduled_start_time"] == "2026-01-02T00:00:00Z"
    for day, count in (("2026-01-02", 1), ("2026-01-03", 0)):
        asked = {"flow_runs": {"expected_start_time": {"after_": day}}}
        assert api.post("/flow_runs/count", json=asked).json() == count


def test_a_day_that_there_is_not_is_told_as_it_was_given(api):
    asked = {"logs": {"timestamp": {"after_": "2026-02-30"}}}
    refused = api.post("/logs/filter", json=asked)
    assert refused.status_code == 422
    assert refused.json()["exception_detail"][0]["input"] == "2026-02-30"
    assert refused.json()["request_body"] == asked
