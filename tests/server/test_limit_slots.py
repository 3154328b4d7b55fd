"""Slots of limits as Prefect's clients take them, hold them and give them back."""

from __future__ import annotations

from uuid import uuid4

import pytest

LIMITS = "/v2/concurrency_limits"


@pytest.fixture
def limit(api):
    def create(name="db", limit=2, **more):
        answer = api.post(f"{LIMITS}/", json={"name": name, "limit": limit, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return create


@pytest.fixture
def take(api):
    def ask(slots=1, *names, how="increment", **more):
        body = {"slots": slots, "names": names or ("db",), "mode": "concurrency", **more}
        return api.post(f"{LIMITS}/{how}", json=body)

    return ask


@pytest.fixture
def give(api):
    def back(slots=1, *names):
        body = {"slots": slots, "names": names or ("db",), "occupancy_seconds": 1.5}
        answer = api.post(f"{LIMITS}/decrement", json=body)
        assert answer.status_code == 200, answer.text

    return back


def active(api, name="db"):
    return api.get(f"{LIMITS}/{name}").json()["active_slots"]


def test_who_makes_a_limit_is_answered_with_all_keys(api, limit):
    made = limit()
    (found,) = api.post(f"{LIMITS}/filter", json={}).json()
    assert made == {**found, "denied_slots": 0, "avg_slot_occupancy_seconds": 2.0}


def test_slots_are_taken_and_given_back_by_name(api, limit, take, give):
    made = limit()
    short = {"id": made["id"], "name": "db", "limit": 2}
    answer = take(2, "db", "unknown", create_if_missing=None)
    assert (answer.status_code, answer.json()) == (200, [short])
    full = take()
    assert (full.status_code, full.json()["detail"]) == (423, "Locked")
    assert 0 < float(full.headers["retry-after"]) <= 30
    give(1)
    assert active(api) == 1
    assert take().status_code == 200
    give(2)
    give(2)
    assert active(api) == 0


def test_all_limits_or_none(api, limit, take, give):
    limit("a", 1), limit("b", 1)
    assert take(1, "a").status_code == 200
    assert take(1, "b", "a").status_code == 423
    assert (active(api, "a"), active(api, "b")) == (1, 0)
    give(1, "b")
    assert active(api, "a") == 1


def test_a_lease_is_renewed_and_released(api, limit, take):
    limit()
    holder = {"type": "task_run", "id": str(uuid4())}
    made = take(2, how="increment-with-lease", lease_duration=60, holder=holder)
    lease = made.json()["lease_id"]
    assert [found["name"] for found in made.json()["limits"]] == ["db"]
    assert take().status_code == 423
    renewed = api.post(f"{LIMITS}/leases/{lease}/renew", json={"lease_duration": 120})
    assert renewed.status_code == 204
    for _ in range(2):
        done = api.post(f"{LIMITS}/decrement-with-lease", json={"lease_id": lease})
        assert done.status_code == 204
    gone = api.post(f"{LIMITS}/leases/{lease}/renew", json={"lease_duration": 120})
    assert gone.status_code == 410
    assert active(api) == 0


def test_what_is_leased_is_not_given_back_by_name(api, limit, take, give):
    limit()
    take(1, how="increment-with-lease")
    give(1)
    assert active(api) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": 3},
        {"slots": 0},
        {"mode": "rate_limit"},
        {"mode": "other"},
        {"lease_duration": 59},
        {"lease_duration": 86401},
    ],
)
def test_what_cannot_be_taken_is_refused(limit, take, wrong):
    limit()
    assert take(how="increment-with-lease", **wrong).status_code == 422


def test_of_no_limits_nothing_is_taken(api, limit, take):
    limit()
    assert take(names=[]).json() == []
    assert take(how="increment-with-lease", names=[]).json()["limits"] == []
    (found,) = api.post("/v2/concurrency_limits/filter", json={}).json()
    assert found["active_slots"] == 0


@pytest.mark.parametrize("count", [0, -1])
def test_less_than_one_slot_is_not_given_back(api, limit, count):
    limit()
    refused = api.post(f"{LIMITS}/decrement", json={"slots": count, "names": ["db"]})
    assert refused.status_code == 422
    assert refused.json()["exception_detail"][0]["loc"] == ["body", "slots"]


def test_slots_of_a_rate_limit_come_back_by_themselves(limit, take):
    limit(slot_decay_per_second=0.1)
    assert take(2, mode="rate_limit").status_code == 200
    full = take(2, mode="rate_limit")
    assert full.status_code == 423
    assert 0 < float(full.headers["retry-after"]) <= 30


def test_task_runs_hold_slots_of_tags(api):
    api.post("/concurrency_limits/", json={"tag": "t", "concurrency_limit": 1})
    first, second = str(uuid4()), str(uuid4())

    def ask(verb, run, *names):
        body = {"names": names or ["t", "none"], "task_run_id": run}
        return api.post(f"/concurrency_limits/{verb}", json=body)

    for _ in range(2):
        answer = ask("increment", first)
        assert (answer.status_code, [x["name"] for x in answer.json()]) == (200, ["t"])
    assert api.get("/concurrency_limits/tag/t").json()["active_slots"] == [first]
    full = ask("increment", second)
    assert (full.status_code, "retry-after" in full.headers) == (423, True)
    assert [x["name"] for x in ask("decrement", first).json()] == ["t"]
    assert ask("increment", second).status_code == 200
