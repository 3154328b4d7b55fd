"""Requests that are sent again, because nobody knows whether they were carried out."""

from __future__ import annotations

import random

import pytest

from tests.faults import Unreliable
from tests.store.conftest import store as plain_store

plain = plain_store


def test_a_request_under_one_key_is_carried_out_once(api, flow):
    body, key = {"flow_id": flow["id"]}, {"idempotency-key": "key-1"}
    first = api.post("/flow_runs/", json=body, headers=key)
    again = api.post("/flow_runs/", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert api.post("/flow_runs/count", json={}).json() == 1


def test_a_key_stands_for_one_request(api, flow):
    key = {"idempotency-key": "key-1"}
    assert api.post("/variables/", json={"name": "a", "value": 1}, headers=key).is_success
    other = api.post("/variables/", json={"name": "b", "value": 1}, headers=key)
    assert other.status_code == 422
    assert "a key of its own" in other.json()["detail"]
    assert api.post("/variables/count", json={}).json() == 1


def test_a_key_has_a_length(api):
    answer = api.post(
        "/variables/", json={"name": "a", "value": 1}, headers={"idempotency-key": "x" * 256}
    )
    assert answer.status_code == 422


def test_what_was_refused_is_tried_anew(api):
    key = {"idempotency-key": "key-1"}
    body = {"slots": 1, "names": ["gate"]}
    path = "/v2/concurrency_limits/"
    api.post(path, json={"name": "gate", "limit": 0})
    assert api.post(path + "increment", json=body, headers=key).status_code == 423
    api.patch(path + "gate", json={"limit": 1})
    assert api.post(path + "increment", json=body, headers=key).status_code == 200
    assert api.post(path + "increment", json=body, headers=key).status_code == 200
    assert api.get(path + "gate").json()["active_slots"] == 1


@pytest.fixture
def store(plain, request):
    return Unreliable(plain, random.Random(7).random, 0.0)


def test_what_was_done_but_reported_failed_is_not_done_twice(api, flow, store):
    """Each request is sent until it is answered: all is there once."""
    store.chance = 0.1

    def send(method, path, key, **body):
        for _ in range(50):
            answer = api.request(method, path, json=body, headers={"idempotency-key": key})
            if answer.status_code < 500:
                return answer
        raise AssertionError(answer.text)

    for number in range(20):
        made = send("POST", "/flow_runs/", f"run-{number}", flow_id=flow["id"])
        assert made.status_code == 201
        path = f"/flow_runs/{made.json()['id']}/set_state"
        moved = send("POST", path, f"state-{number}", state={"type": "RUNNING"})
        assert moved.json()["status"] == "ACCEPT"
        made = send("POST", "/variables/", f"var-{number}", name=f"v{number}", value=number)
        assert made.status_code == 201
    faults, store.chance = store.faults, 0.0
    assert faults > 10
    runs = api.post("/flow_runs/filter", json={}).json()
    assert len(runs) == 20
    assert {run["run_count"] for run in runs} == {1}
    assert api.post("/variables/count", json={}).json() == 20
