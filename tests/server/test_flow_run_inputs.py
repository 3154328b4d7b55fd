"""What is sent to flow runs, and how a paused one goes on with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

KEYSET = {"schema": "p-schema", "response": "p-response", "description": "p-description"}
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}, "who": {"type": "string"}},
    "required": ["n"],
}


@pytest.fixture
def paused(api, run, move):
    """A flow run that is paused; with a schema it waits for an input."""

    def create(schema=None, *, minutes=5, **more):
        made = run("RUNNING")["id"]
        later = datetime.now(UTC) + timedelta(minutes=minutes)
        details = {"pause_timeout": later.isoformat(), **more}
        if schema is not None:
            details["run_input_keyset"] = KEYSET
            body = {"key": "p-schema", "value": schema}
            assert api.post(f"/flow_runs/{made}/input", json=body).status_code == 201
        move(made, "PAUSED", force=True, state_details=details)
        return made

    return create


@pytest.fixture
def resume(api):
    """Resume a flow run; returns status code, status and the state's name."""

    def ask(run_id, run_input=None):
        answer = api.post(f"/flow_runs/{run_id}/resume", json={"run_input": run_input})
        found = answer.json()
        return answer.status_code, found["status"], (found["state"] or {}).get("name")

    return ask


def test_inputs_are_kept_by_key(api, run):
    base = f"/flow_runs/{run()['id']}/input"
    sent = [("box-1", '{"x": 1}'), ("box-2", '"y"'), ("other", "3")]
    for key, value in sent:
        answer = api.post(base, json={"key": key, "value": value, "sender": "me"})
        assert (answer.status_code, answer.json()) == (201, None)
    again = api.post(base, json={"key": "box-1", "value": "0"})
    assert (again.status_code, "already exists" in again.json()["detail"]) == (409, True)
    read = api.get(f"{base}/box-1")
    assert (read.text, read.headers["content-type"]) == ('{"x": 1}', "text/plain; charset=utf-8")
    asked = {"prefix": "box", "limit": 10, "exclude_keys": ["box-1"]}
    (found,) = api.post(f"{base}/filter", json=asked).json()
    assert (found["key"], found["value"], found["sender"]) == ("box-2", '"y"', "me")
    assert len(api.post(f"{base}/filter", json={"prefix": ""}).json()) == 1
    assert api.delete(f"{base}/box-1").status_code == 204
    assert api.get(f"{base}/box-1").status_code == 404
    assert api.delete(f"{base}/box-1").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [({"key": "k"}, 422), ({"key": "", "value": "1"}, 422), ({"key": "k", "value": 1}, 422)],
)
def test_what_is_no_input_is_refused(api, run, body, status):
    assert api.post(f"/flow_runs/{run()['id']}/input", json=body).status_code == status


def test_inputs_belong_to_a_run(api, run):
    assert (
        api.post(f"/flow_runs/{uuid4()}/input", json={"key": "k", "value": ""}).status_code == 404
    )
    made = run()["id"]
    api.post(f"/flow_runs/{made}/input", json={"key": "k", "value": ""})
    api.delete(f"/flow_runs/{made}")
    assert api.get(f"/flow_runs/{made}/input/k").status_code == 404


def test_a_paused_run_goes_on(paused, resume):
    made = paused()
    assert resume(made) == (201, "ACCEPT", "Running")
    assert resume(made) == (200, "ABORT", None)
    assert resume(paused(minutes=-5)) == (201, "REJECT", "Failed")


def test_a_run_whose_process_has_ended_is_scheduled(api, flow, run, move, resume):
    made = run("RUNNING", deployment_id=str(uuid4()))["id"]
    move(made, "PAUSED", state_details={"pause_reschedule": True})
    assert resume(made) == (201, "ACCEPT", "Resuming")


def test_an_input_is_kept_for_the_run_that_waits_for_it(api, paused, resume):
    made = paused(json.dumps(SCHEMA))
    assert resume(made, {"n": 0}) == (200, "REJECT", "Paused")
    assert resume(made) == (200, "REJECT", "Paused")
    assert api.get(f"/flow_runs/{made}/input/p-response").status_code == 404
    assert resume(made, {"n": 42, "who": "ann"}) == (201, "ACCEPT", "Running")
    assert api.get(f"/flow_runs/{made}/input/p-response").json() == {"n": 42, "who": "ann"}


def test_an_input_may_name_a_variable(api, paused, resume):
    api.post("/variables/", json={"name": "number", "value": 42})
    made = paused(json.dumps(SCHEMA))
    named = {"__prefect_kind": "workspace_variable", "variable_name": "gone"}
    assert resume(made, {"n": named}) == (200, "REJECT", "Paused")
    named["variable_name"] = "number"
    assert resume(made, {"n": named}) == (201, "ACCEPT", "Running")
    assert api.get(f"/flow_runs/{made}/input/p-response").json() == {"n": 42}


@pytest.mark.parametrize("schema", ["{", '{"$ref": "#"}', '{"$ref": "#/nowhere"}', '{"enum": 3}'])
def test_a_schema_that_cannot_be_used_holds_the_run(paused, resume, schema):
    assert resume(paused(schema), {"n": 1}) == (200, "REJECT", "Paused")


def test_a_run_that_is_not_there(api):
    assert api.post(f"/flow_runs/{uuid4()}/resume", json={}).status_code == 404


def test_the_run_is_missing_not_its_input(api):
    refused = api.post(f"/flow_runs/{uuid4()}/input", json={"key": "k", "value": "1"})
    assert (refused.status_code, refused.json()["detail"]) == (404, "Flow run not found")
