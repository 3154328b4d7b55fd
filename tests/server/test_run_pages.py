"""Pages of flow runs, some of which the server has encoded before."""

from __future__ import annotations

import pytest

from legato._server import run_pages


@pytest.fixture
def flow_id(api):
    return api.post("/flows/", json={"name": "etl"}).json()["id"]


def ended(api, flow_id, **given):
    run = api.post("/flow_runs/", json={"flow_id": flow_id, **given}).json()
    done = {"state": {"type": "COMPLETED"}, "force": True}
    api.post(f"/flow_runs/{run['id']}/set_state", json=done)
    return run["id"]


def page(api):
    return {run["id"]: run for run in api.post("/flow_runs/filter", json={}).json()}


def test_a_page_says_what_each_run_says_by_itself_however_often_it_is_asked_for(api, flow_id):
    over = ended(api, flow_id, parameters={"n": 1}, tags=["a"], labels={"l": 1})
    live = api.post("/flow_runs/", json={"flow_id": flow_id}).json()["id"]
    for _ in range(3):
        found = page(api)
        assert list(found) == [live, over]
        assert found[over] == api.get(f"/flow_runs/{over}").json()
    assert found[live]["estimated_start_time_delta"] < page(api)[live]["estimated_start_time_delta"]


def test_what_changes_of_a_run_that_is_over_is_told(api, flow_id):
    over = ended(api, flow_id, name="old")
    assert page(api)[over]["name"] == "old"
    assert api.patch(f"/flow_runs/{over}", json={"name": "new"}).status_code == 204
    assert page(api)[over]["name"] == "new"
    failed = {"state": {"type": "FAILED"}, "force": True}
    api.post(f"/flow_runs/{over}/set_state", json=failed)
    assert page(api)[over]["state"]["type"] == "FAILED"
    api.delete(f"/flow_runs/{over}")
    assert page(api) == {}


@pytest.mark.parametrize("limit", ["KEPT", "KEPT_BYTES"])
def test_what_finds_no_room_is_shown_all_the_same(api, flow_id, monkeypatch, limit):
    monkeypatch.setattr(run_pages, limit, 2)
    many = [ended(api, flow_id) for _ in range(5)]
    for _ in range(2):
        assert set(page(api)) == set(many)
