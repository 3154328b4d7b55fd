"""Leases of attempts over the API: what a keeper asks for its process."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from tests.store.records import RUNNING, Sender, new_id
from tests.store.test_receive import read_flow_run


@pytest.fixture
def sender(store):
    sender = Sender(store)
    sender.writer = replace(sender.writer, lease_seconds=15.0)
    return sender


def test_a_keeper_renews_and_reports_the_end(api, store, sender):
    run_id = sender.start()
    writer = f"/writers/{sender.writer.id}"
    answer = api.post(f"{writer}/renew", json={"lease_duration": 15.0})
    assert (answer.status_code, answer.json()) == (
        200, {"held": [str(run_id)], "cancelling": [], "lost": []}
    )  # fmt: skip
    body = {"state": {"type": "CANCELLING"}}
    api.post(f"/flow_runs/{run_id}/set_state", json=body)
    answer = api.post(f"{writer}/renew", json={"lease_duration": 15.0})
    assert answer.json() == {"held": [], "cancelling": [str(run_id)], "lost": []}
    answer = api.post(f"{writer}/close", json={})
    assert (answer.status_code, [UUID(one) for one in answer.json()]) == (200, [run_id])
    assert api.get(f"/flow_runs/{run_id}").json()["state_type"] == "CANCELLED"


def test_what_is_no_lease_is_refused(api, store, sender):
    run_id = sender.start()
    answer = api.post(f"/writers/{sender.writer.id}/renew", json={"lease_duration": 0})
    assert answer.status_code == 422
    assert "lease_duration" in answer.text
    assert api.post(f"/writers/{new_id()}/close", json={}).status_code == 404
    assert api.post("/writers/nobody/renew", json={"lease_duration": 1}).status_code == 404
    assert read_flow_run(store, run_id).state_type is RUNNING
