"""A large deletion is asked for until it is done: each request goes some pieces further."""

from __future__ import annotations

import pytest

from legato._control import clearing
from legato._server import control
from tests import faults
from tests.store.conftest import sender as plain_sender
from tests.store.records import COMPLETED, move, whole_task

sender = plain_sender


@pytest.fixture
def large(sender, monkeypatch):
    """A run that takes several pieces, of which a request has time for one."""
    monkeypatch.setattr(clearing, "ROOM", 3)
    monkeypatch.setattr(control, "CLEARING_SECONDS", 0.0)
    run_id = sender.start()
    for _ in range(7):
        sender.send(*whole_task(run_id)[1])
    sender.send(move(run_id, COMPLETED))
    return run_id


def asked_until_done(ask):
    found = [ask()]
    while found[-1].status_code == 503 and len(found) < 9:
        found.append(ask())
    return found


@faults.meaningless("its client asks again by itself")
@pytest.mark.parametrize("keyed", [False, True])
def test_a_large_run_is_deleted_by_asking_again(api, large, keyed):
    headers = {"Idempotency-Key": "one"} if keyed else {}
    found = asked_until_done(lambda: api.delete(f"/flow_runs/{large}", headers=headers))
    assert [answer.status_code for answer in found] == [503, 503, 204]
    assert api.get(f"/flow_runs/{large}").status_code == 404
    again = api.delete(f"/flow_runs/{large}", headers=headers)
    assert again.status_code == (204 if keyed else 404)


def test_a_key_of_another_request_deletes_nothing(api, large):
    headers = {"Idempotency-Key": "one"}
    assert api.post("/flows/", json={"name": "other"}, headers=headers).is_success
    assert api.delete(f"/flow_runs/{large}", headers=headers).status_code == 422
    assert api.post("/task_runs/count", json={}).json() == 7


@faults.meaningless("its client asks again by itself")
def test_a_flow_with_many_runs_and_what_a_filter_finds(api, large):
    flow_id = api.get(f"/flow_runs/{large}").json()["flow_id"]
    chosen = {"flows": {"id": {"any_": [flow_id]}}}
    assert api.post("/flows/bulk_delete", json=chosen).status_code == 503
    assert api.delete(f"/flows/{flow_id}").status_code == 503
    found = asked_until_done(lambda: api.post("/flows/bulk_delete", json=chosen))
    assert found[-1].json() == {"deleted": [flow_id]}
    assert api.post("/flow_runs/count", json={}).json() == 0
