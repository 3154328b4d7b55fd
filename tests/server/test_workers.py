"""Workers: heartbeats, who is online, and what that makes of their pool."""

from __future__ import annotations

from datetime import timedelta

import pytest

from legato._control import workers
from legato._control.duties import workers as duty
from legato._model.operations.workers import SendHeartbeat
from tests.store.records import now

PLACE = "/work_pools/here/workers"
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def pool(api):
    return api.post("/work_pools/", json={"name": "here", "type": "process"}).json()


@pytest.fixture
def beat(api):
    """Send a heartbeat over HTTP."""

    def send(name="ada", pool="here", **more):
        return api.post(f"/work_pools/{pool}/workers/heartbeat", json={"name": name, **more})

    return send


@pytest.fixture
def beat_at(store):
    """Send a heartbeat at a time of the past."""

    def send(at, name="ada", interval=None):
        request = SendHeartbeat(
            work_pool_name="here", name=name, heartbeat_interval_seconds=interval
        )
        store.run(lambda tx: workers.heartbeat(tx, at, request))

    return send


def listed(api, **given):
    found = api.post(f"{PLACE}/filter", json={"workers": given, "limit": 200, "offset": 0}).json()
    return [worker["name"] for worker in found]


def status(api):
    return api.get("/work_pools/here").json()["status"]


def told(api):
    asked = {"filter": {"event": {"prefix": ["prefect.work-pool."]}, "order": "ASC"}}
    events = api.post("/events/filter", json=asked).json()["events"]
    return [event["event"].rpartition(".")[2] for event in events]


def test_a_heartbeat_makes_a_worker_and_its_pool_ready(api, pool, beat):
    assert beat(heartbeat_interval_seconds=10).status_code == 204
    (made,) = api.post(f"{PLACE}/filter", json={}).json()
    assert (made["name"], made["work_pool_id"], made["status"]) == ("ada", pool["id"], "ONLINE")
    assert made["heartbeat_interval_seconds"] == 10
    assert made["last_heartbeat_time"] == made["created"]
    assert beat(heartbeat_interval_seconds=None).status_code == 204
    (again,) = api.post(f"{PLACE}/filter", json={}).json()
    assert (again["id"], again["heartbeat_interval_seconds"]) == (made["id"], 10)
    assert again["last_heartbeat_time"] > made["last_heartbeat_time"]
    assert status(api) == "READY"
    assert told(api) == ["created", "not-ready", "ready"]


def test_heartbeats_that_say_nothing_of_use_are_refused(api, pool, beat):
    assert beat(pool="none").status_code == 404
    assert beat(pool="none").json()["detail"] == 'Work pool "none" not found.'
    assert beat(name=" ").status_code == 422
    assert beat(heartbeat_interval_seconds=-1).status_code == 422
    assert api.post("/work_pools/none/workers/filter", json={}).status_code == 404
    assert api.post(f"{PLACE}/filter", json={}).json() == []
    assert status(api) == "NOT_READY"


def test_a_worker_is_offline_after_three_heartbeats_that_did_not_come(api, pool, beat, beat_at):
    beat_at(now() - timedelta(seconds=40), "slow", interval=None)
    beat_at(now() - timedelta(seconds=40), "gone", interval=10)
    beat("here")
    assert listed(api) == ["here", "gone", "slow"] or listed(api) == ["here", "slow", "gone"]
    assert listed(api, status={"any_": ["ONLINE"]}) == ["here", "slow"]
    assert listed(api, status={"any_": ["OFFLINE"]}) == ["gone"]
    assert listed(api, status={"not_any_": ["OFFLINE"]}) == ["here", "slow"]
    assert listed(api, status={"any_": []}) == []
    recent = {"after_": (now() - timedelta(seconds=20)).isoformat()}
    assert listed(api, last_heartbeat_time=recent) == ["here"]
    assert listed(api, last_heartbeat_time=recent, operator="or_", status={"any_": ["OFFLINE"]})
    found = api.post(f"{PLACE}/filter", json={"limit": 1, "offset": 1}).json()
    assert len(found) == 1
    assert found[0]["name"] != "here"


def test_a_pool_whose_workers_are_gone_is_not_ready_any_more(api, store, pool, beat, beat_at):
    beat_at(now() - LONG_AGO)
    assert status(api) == "READY"
    duty.watch(store, now())
    assert status(api) == "NOT_READY"
    beat()
    beat_at(now() - LONG_AGO, "other")
    duty.watch(store, now())
    assert status(api) == "READY"
    events = told(api)
    assert (events.count("ready"), events.count("not-ready")) == (2, 2)


def test_a_paused_pool_stays_so_whoever_tells_of_himself(api, store, pool, beat, beat_at):
    api.patch("/work_pools/here", json={"is_paused": True})
    beat()
    assert status(api) == "PAUSED"
    api.patch("/work_pools/here", json={"is_paused": False})
    assert status(api) == "READY"
    api.delete(f"{PLACE}/ada")
    api.patch("/work_pools/here", json={"is_paused": True})
    duty.watch(store, now())
    assert status(api) == "PAUSED"
    api.patch("/work_pools/here", json={"is_paused": False})
    assert status(api) == "NOT_READY"
    assert told(api)[2:] == ["paused", "ready", "paused", "not-ready"]


def test_a_worker_is_deleted_by_its_name_or_with_its_pool(api, pool, beat):
    beat("a/b c")
    beat("other")
    assert api.delete(f"{PLACE}/a%2Fb%20c").status_code == 204
    assert api.delete(f"{PLACE}/a%2Fb%20c").status_code == 404
    assert listed(api) == ["other"]
    assert api.delete("/work_pools/here").status_code == 204
    again = api.post("/work_pools/", json={"name": "here", "type": "process"}).json()
    assert (again["status"], listed(api)) == ("NOT_READY", [])
