"""What workers fetch: which runs, in which order, how many, and what becomes of queues by that."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from legato._control import polls
from legato._control.duties import workers as duty
from legato._model.operations.workers import PollWorkPool
from legato._model.states import StateDetails, StateType
from tests.store.records import Sender, new_id, now
from tests.store.records import move as proposal

POOL = "/work_pools/here"


@pytest.fixture
def pool(api):
    api.post("/work_pools/", json={"name": "here", "type": "process"})
    made = api.post(f"{POOL}/queues", json={"name": "fast", "priority": 1})
    assert made.status_code == 201
    return api.get(POOL).json()


@pytest.fixture
def due(api, pool, flow):
    """Make a run that is due in some seconds, in a queue of the pool; return its id."""

    def make(seconds=-10, queue="default", **more):
        at = (now() + timedelta(seconds=seconds)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
        place = {"work_pool_name": "here", "work_queue_name": queue}
        body = {"flow_id": flow["id"], "state": state, **place, **more}
        return api.post("/flow_runs/", json=body).json()["id"]

    return make


def polled(api, **given):
    given.setdefault("scheduled_before", now().isoformat())
    answer = api.post(f"{POOL}/get_scheduled_flow_runs", json=given)
    assert answer.status_code == 200, answer.text
    return [each["flow_run"]["id"] for each in answer.json()]


def told(api):
    asked = {"filter": {"event": {"prefix": ["prefect.work-queue."]}}}
    events = api.post("/events/filter", json=asked).json()["events"]
    return sorted(event["event"].removeprefix("prefect.work-queue.") for event in events)


def test_runs_that_are_due_come_by_rank_and_time(api, pool, due):
    late, later, first = due(-10), due(-5), due(-1, "fast")
    due(3600)
    assert polled(api) == [first, late, later]
    assert polled(api, limit=2) == [first, late]
    assert polled(api, work_queue_names=["default"]) == [late, later]
    assert polled(api, work_queue_names=["default", "fast", "fast"]) == [first, late, later]
    before = (now() - timedelta(seconds=7)).isoformat()
    assert polled(api, scheduled_before=before) == [late]
    assert polled(api, scheduled_after=before) == [first, later]
    assert len(polled(api, scheduled_before=None)) == 4
    assert polled(api, limit=0) == []


def test_a_run_comes_whole_with_where_it_lies(api, pool, due):
    run_id = due(job_variables={"cores": 2}, parameters={"x": 1})
    (found,) = api.post(f"{POOL}/get_scheduled_flow_runs", json={}).json()
    queue = api.get(f"{POOL}/queues/default").json()
    assert (found["work_pool_id"], found["work_queue_id"]) == (pool["id"], queue["id"])
    whole = api.get(f"/flow_runs/{run_id}").json()
    changing = {"estimated_start_time_delta", "updated"}
    assert {**found["flow_run"], **{key: whole[key] for key in changing}} == whole


def test_it_is_no_claim_and_what_somebody_has_does_not_come(api, pool, due, move):
    run_id = due()
    assert polled(api) == polled(api) == [run_id]
    move(run_id, "PENDING")
    assert polled(api) == []


def test_a_run_that_its_own_process_tries_again_is_left_to_it(api, pool, due, move):
    run_id = due(empirical_policy={"retries": 1, "retry_delay": 0})
    for state in ("PENDING", "RUNNING", "FAILED"):
        move(run_id, state)
    run = api.get(f"/flow_runs/{run_id}").json()
    assert (run["state_name"], run["empirical_policy"]["retry_type"]) == (
        "AwaitingRetry",
        "in_process",
    )
    assert polled(api, scheduled_before=None) == []


@pytest.mark.parametrize("force", [True, False])
def test_a_run_that_ended_and_is_to_be_tried_again_is_fetched(api, pool, due, move, force):
    run_id = due(deployment_id=str(new_id()))
    for state in ("PENDING", "RUNNING", "FAILED"):
        move(run_id, state)
    move(run_id, "SCHEDULED", name="AwaitingRetry", force=force)
    assert polled(api, scheduled_before=None) == [run_id]


def test_limits_of_pool_and_queues_say_how_many(api, pool, due, move):
    runs = [due(-10), due(-9), due(-8), due(-7, "fast"), due(-6, "fast")]
    api.patch(f"{POOL}/queues/fast", json={"concurrency_limit": 1})
    assert polled(api) == [runs[3], *runs[:3]]
    api.patch(POOL, json={"concurrency_limit": 3})
    assert polled(api) == [runs[3], *runs[:2]]
    move(runs[3], "PENDING")
    assert polled(api) == runs[:2]
    move(runs[0], "PENDING")
    move(runs[0], "RUNNING")
    assert polled(api) == [runs[1]]
    move(runs[1], "PENDING")
    assert polled(api) == []
    api.patch(POOL, json={"concurrency_limit": 0})
    assert polled(api) == []


def test_nothing_comes_of_what_is_paused(api, pool, due):
    slow, fast = due(), due(queue="fast")
    api.patch(f"{POOL}/queues/fast", json={"is_paused": True})
    assert polled(api) == [slow]
    api.patch(POOL, json={"is_paused": True})
    assert polled(api) == []
    api.patch(POOL, json={"is_paused": False})
    api.patch(f"{POOL}/queues/fast", json={"is_paused": False})
    assert polled(api) == [fast, slow]


def test_what_is_not_there_is_told_so(api, pool):
    none = api.post("/work_pools/none/get_scheduled_flow_runs", json={})
    assert (none.status_code, none.json()["detail"]) == (404, 'Work pool "none" not found.')
    asked = {"work_queue_names": ["default", "none"]}
    missing = api.post(f"{POOL}/get_scheduled_flow_runs", json=asked)
    assert missing.status_code == 404
    assert api.post(f"{POOL}/get_scheduled_flow_runs", json={"limit": 201}).status_code == 422
    assert api.post(f"/work_queues/{new_id()}/get_runs", json={}).status_code == 404


def test_a_queue_is_asked_by_its_id(api, pool, due):
    runs = [due(-10), due(-9)]
    due(queue="fast")
    queue = api.get(f"{POOL}/queues/default").json()
    place = f"/work_queues/{queue['id']}"
    asked = {"limit": 1, "scheduled_before": now().isoformat()}
    assert [run["id"] for run in api.post(f"{place}/get_runs", json=asked).json()] == runs[:1]
    assert api.get(place).json()["status"] == "READY"
    assert api.get(f"{POOL}/queues/fast").json()["last_polled"] is None
    api.patch(place, json={"concurrency_limit": 0})
    assert api.post(f"{place}/get_runs", json={}).json() == []


@pytest.fixture
def ask(store):
    """Fetch runs at a time."""

    def fetch(at):
        request = PollWorkPool(work_pool_name="here")
        return store.run(lambda tx: polls.poll(tx, at, request))

    return fetch


def test_a_queue_that_is_asked_is_ready_and_that_is_noted_now_and_then(api, pool, ask):
    api.patch(f"{POOL}/queues/fast", json={"is_paused": True})
    polled(api)
    queue = api.get(f"{POOL}/queues/default").json()
    assert queue["status"] == "READY"
    assert api.get(f"{POOL}/queues/fast").json()["status"] == "PAUSED"
    assert api.get(f"/work_queues/{queue['id']}/status").json()["healthy"]
    ask(now() + timedelta(seconds=1))
    assert api.get(f"{POOL}/queues/default").json() == queue, "noted again at once"
    ask(now() + timedelta(seconds=9))
    assert api.get(f"{POOL}/queues/default").json()["last_polled"] > queue["last_polled"]
    assert told(api) == ["created", "created", "paused", "ready"]


def test_a_queue_that_is_not_asked_any_more_is_told_of_once(api, store, pool, ask):
    def watch(seconds):
        duty.watch(store, begun + timedelta(seconds=seconds))

    begun = now() - timedelta(seconds=200)
    api.patch(f"{POOL}/queues/fast", json={"is_paused": True})
    ask(begun)
    watch(59)
    assert told(api) == ["created", "created", "paused", "ready"]
    watch(61)
    watch(70)
    assert told(api) == ["created", "created", "not-ready", "paused", "ready"]
    ask(begun + timedelta(seconds=80))
    assert told(api) == ["created", "created", "not-ready", "paused", "ready", "ready"]


def test_a_run_that_a_process_goes_on_with_is_left_to_it(api, store, pool, due):
    sender, at = Sender(store), now() - timedelta(seconds=1)
    queue = UUID(api.get(f"{POOL}/queues/default").json()["id"])
    run_id = sender.start(work_queue_id=queue, work_pool_id=UUID(pool["id"]))
    again = {"name": "AwaitingRetry", "state_details": StateDetails(scheduled_time=at)}
    sender.send(proposal(run_id, StateType.SCHEDULED, **again))
    assert api.get(f"/flow_runs/{run_id}").json()["state_name"] == "AwaitingRetry"
    other = due()
    assert polled(api) == [other]


def test_runs_of_deployments_come_from_wherever_they_lie(api, pool, flow):
    def deployed(name, **more):
        asked = {"name": name, "flow_id": flow["id"], **more}
        made = api.post("/deployments/", json=asked).json()["id"]
        return made, api.post(f"/deployments/{made}/create_flow_run", json={}).json()["id"]

    first, run = deployed("a", work_pool_name="here")
    second, other = deployed("b")
    deployed("c")
    place = "/deployments/get_scheduled_flow_runs"
    asked = {"deployment_ids": [second, first], "scheduled_before": now().isoformat()}
    assert [found["id"] for found in api.post(place, json=asked).json()] == [run, other]
    assert len(api.post(place, json={**asked, "limit": 1}).json()) == 1
    early = (now() - timedelta(hours=1)).isoformat()
    assert api.post(place, json={**asked, "scheduled_before": early}).json() == []
    assert api.post(place, json={"deployment_ids": []}).json() == []
    assert api.post(place, json={}).status_code == 422
    api.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "PENDING"}})
    assert [found["id"] for found in api.post(place, json=asked).json()] == [other]


def test_deployments_are_ready_when_they_or_their_queues_are_asked(api, store, pool, flow):
    def deployed(name, **more):
        asked = {"name": name, "flow_id": flow["id"], **more}
        return api.post("/deployments/", json=asked).json()["id"]

    def standing(deployment_id):
        found = api.get(f"/deployments/{deployment_id}").json()
        return found["status"], found["last_polled"] is not None

    alone, placed = deployed("a"), deployed("b", work_pool_name="here")
    assert [standing(alone), standing(placed)] == [("NOT_READY", False)] * 2
    polled(api)
    assert [standing(alone), standing(placed)] == [("NOT_READY", False), ("READY", True)]
    place = "/deployments/get_scheduled_flow_runs"
    api.post(place, json={"deployment_ids": [alone]})
    assert standing(alone) == ("READY", True)
    assert [each["status"] for each in api.post("/deployments/filter", json={}).json()] == [
        "READY"
    ] * 2
    before = api.get(f"/deployments/{alone}").json()["last_polled"]
    api.post(place, json={"deployment_ids": [alone]})
    assert api.get(f"/deployments/{alone}").json()["last_polled"] == before, "noted again at once"
    again = api.post("/deployments/", json={"name": "a", "flow_id": flow["id"], "tags": ["x"]})
    assert again.json()["status"] == "READY"


def test_who_has_slots_is_told_by_queue(api, pool, due, move):
    runs = [due(), due(), due(queue="fast"), due()]
    for run_id in runs[:3]:
        move(run_id, "PENDING")
    move(runs[0], "RUNNING")
    api.patch(POOL, json={"concurrency_limit": 5})
    found = api.post(f"{POOL}/concurrency_status", json={}).json()
    numbers = {name: found[name] for name in ("active_slots", "concurrency_limit", "count")}
    assert numbers == {"active_slots": 3, "concurrency_limit": 5, "count": 2}
    fast, default = found["queues"]
    assert [run["id"] for run in fast["flow_runs"]] == [runs[2]]
    assert [run["state_name"] for run in default["flow_runs"]] == ["Running", "Pending"]
    assert default["flow_runs"][0]["time_in_current_state"] >= 0
    few = api.post(f"{POOL}/concurrency_status", json={"page": 2, "limit": 1, "flow_run_limit": 1})
    (queue,) = few.json()["queues"]
    assert (queue["queue_name"], queue["flow_run_count"]) == ("default", 2)
    assert [run["id"] for run in queue["flow_runs"]] == runs[:1]
    assert few.json()["pages"] == 2
    place = f"/work_queues/{queue['queue_id']}/concurrency_status"
    second = api.post(place, json={"page": 2, "limit": 1}).json()
    assert [run["id"] for run in second["flow_runs"]] == [runs[1]]
    assert (second["active_slots"], second["count"], second["pages"]) == (2, 2, 2)
    assert api.post(place, json={"page": 0}).status_code == 422
    assert api.post(f"{POOL}/concurrency_status", json={"flow_run_limit": -1}).status_code == 422
    assert api.post("/work_pools/none/concurrency_status", json={}).status_code == 404
    assert api.post(f"/work_queues/{new_id()}/concurrency_status", json={}).status_code == 404


def test_a_run_that_was_scheduled_without_a_time_is_fetched_at_once(api, pool, flow):
    place = {"work_pool_name": "here", "work_queue_name": "default"}
    body = {"flow_id": flow["id"], "state": {"type": "SCHEDULED"}, **place}
    made = api.post("/flow_runs/", json=body).json()
    assert made["next_scheduled_start_time"] == made["state"]["state_details"]["scheduled_time"]
    found = api.post(f"{POOL}/get_scheduled_flow_runs", json={}).json()
    assert [one["flow_run"]["id"] for one in found] == [made["id"]]
