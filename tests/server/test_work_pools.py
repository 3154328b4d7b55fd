"""Work pools and queues: what they are, what runs and deployments have of them, what is told."""

from __future__ import annotations

from uuid import uuid4

import pytest

TEMPLATE = {
    "job_configuration": {"command": "{{ command }}", "env": {"A": "{{ $A }}"}},
    "variables": {
        "type": "object",
        "properties": {"command": {"type": "string"}, "cores": {"type": "integer"}},
        "required": ["command"],
    },
}


@pytest.fixture
def pool(api):
    return api.post("/work_pools/", json={"name": "here", "type": "process"}).json()


@pytest.fixture
def flow_id(api):
    return api.post("/flows/", json={"name": "etl"}).json()["id"]


def deploy(api, flow_id, name="daily", **given):
    return api.post("/deployments/", json={"name": name, "flow_id": flow_id, **given})


def ranks(api, pool="here"):
    found = api.post(f"/work_pools/{pool}/queues/filter", json={}).json()
    return {queue["name"]: queue["priority"] for queue in found}


def told(api, prefix):
    asked = {"filter": {"event": {"prefix": [prefix]}, "order": "ASC"}}
    return api.post("/events/filter", json=asked).json()["events"]


def test_pools_are_listed_by_their_names(api):
    for name in ("b", "a", "c"):
        api.post("/work_pools/", json={"name": name, "type": "process"})
    found = api.post("/work_pools/filter", json={"limit": 2, "offset": 1}).json()
    assert [each["name"] for each in found] == ["b", "c"]


def test_a_pool_is_made_with_its_default_queue_and_read_by_name(api, pool):
    assert (pool["type"], pool["status"], pool["is_paused"]) == ("process", "NOT_READY", False)
    assert pool["storage_configuration"]["bundle_upload_step"] is None
    assert api.get("/work_pools/here").json() == pool
    (queue,) = api.post("/work_pools/here/queues/filter", json={}).json()
    assert (queue["name"], queue["priority"], queue["work_pool_name"]) == ("default", 1, "here")
    assert queue["id"] == pool["default_queue_id"]
    assert api.get(f"/work_queues/{queue['id']}").json() == queue


def test_names_are_checked(api, pool):
    def refused(name):
        return api.post("/work_pools/", json={"name": name, "type": "process"})

    assert refused("here").status_code == 409
    assert refused("Prefect-x").status_code == 403
    assert [refused(name).status_code for name in ("", "  ", "a/b")] == [422, 422, 422]
    assert api.get("/work_pools/none").json()["detail"] == 'Work pool "none" not found.'
    queues = "/work_pools/here/queues"
    assert api.post(queues, json={"name": "default"}).status_code == 409
    assert api.post(queues, json={"name": "a%b"}).status_code == 422
    assert api.post("/work_pools/none/queues", json={"name": "q"}).status_code == 404
    assert api.get(f"{queues}/none").json()["detail"] == "Work pool queue 'here/none' not found."


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"job_configuration": {"x": 1}}, "both job_configuration and variables"),
        ({**TEMPLATE, "job_configuration": {"x": "{{ nope }}"}}, "nope"),
        ({**TEMPLATE, "variables": {"properties": {"command": {"type": "odd"}}}}, "variables"),
        ({**TEMPLATE, "variables": [1]}, "JSON objects"),
    ],
)
def test_a_template_that_makes_no_job_is_refused(api, pool, template, said):
    asked = {"name": "new", "type": "process", "base_job_template": template}
    answer = api.post("/work_pools/", json=asked)
    assert answer.status_code == 422
    assert said in answer.text
    changed = api.patch("/work_pools/here", json={"base_job_template": template})
    assert changed.status_code == 422
    assert api.get("/work_pools/here").json() == pool


def test_what_is_given_of_a_pool_is_changed_and_told(api, pool):
    place = "/work_pools/here"
    assert api.patch(place, json={"is_paused": True}).status_code == 204
    assert api.get(place).json()["status"] == "PAUSED"
    changes = {"description": "d", "concurrency_limit": 3, "base_job_template": TEMPLATE}
    assert api.patch(place, json=changes).status_code == 204
    found = api.get(place).json()
    assert {name: found[name] for name in changes} == changes
    assert (found["active_slots"], found["is_paused"]) == (0, True)
    assert api.patch(place, json={"concurrency_limit": -1}).status_code == 422
    assert api.patch(place, json={"name": "other"}).status_code == 422
    assert api.patch(place, json={"is_paused": None}).status_code == 422
    assert api.patch(place, json={"description": "d"}).status_code == 204
    events = told(api, "prefect.work-pool.")
    assert [event["event"].rpartition(".")[2] for event in events] == [
        "created",
        "not-ready",
        "paused",
        "updated",
    ]
    assert events[-1]["payload"]["updates"]["concurrency_limit"] == {"from": None, "to": 3}
    assert events[0]["resource"]["prefect.work-pool.type"] == "process"


def test_queues_keep_ranks_of_their_own(api, pool):
    def make(name, **given):
        return api.post("/work_pools/here/queues", json={"name": name, **given})

    assert make("a").json()["priority"] == 2
    assert make("b", priority=1).status_code == 201
    assert ranks(api) == {"b": 1, "default": 2, "a": 3}
    make("far", priority=10)
    assert ranks(api)["far"] == 10
    assert api.patch("/work_pools/here/queues/a", json={"priority": 1}).status_code == 204
    assert ranks(api) == {"a": 1, "b": 2, "default": 3, "far": 10}
    assert make("c", priority=0).status_code == 422


def test_a_queue_is_changed_renamed_and_deleted(api, pool):
    made = api.post("/work_pools/here/queues", json={"name": "q", "concurrency_limit": 2}).json()
    assert (made["active_slots"], made["status"], made["description"]) == (0, "NOT_READY", "")
    place = "/work_pools/here/queues/q"
    assert api.patch(place, json={"is_paused": True, "description": "x"}).status_code == 204
    found = api.get(place).json()
    assert (found["status"], found["description"]) == ("PAUSED", "x")
    assert api.patch(place, json={"name": "default"}).status_code == 409
    assert api.patch(place, json={"name": "r"}).status_code == 204
    assert api.get(f"/work_queues/{made['id']}").json()["name"] == "r"
    assert api.delete("/work_pools/here/queues/r").status_code == 204
    assert api.get(f"/work_queues/{made['id']}").status_code == 404
    assert api.delete("/work_pools/here/queues/default").status_code == 409
    verbs = [event["event"].rpartition(".")[2] for event in told(api, "prefect.work-queue.")]
    assert verbs == ["created", "created", "updated", "paused", "updated", "deleted"]


def test_queues_without_a_pool_lie_in_one_of_their_own(api, pool):
    made = api.post("/work_queues/", json={"name": "old"}).json()
    assert made["work_pool_name"] == "default-agent-pool"
    assert api.post("/work_queues/", json={"name": "old"}).status_code == 409
    assert api.get("/work_queues/name/old").json()["id"] == made["id"]
    assert api.get("/work_queues/name/none").status_code == 404
    place = f"/work_queues/{made['id']}"
    health = api.get(f"{place}/status").json()
    assert (health["healthy"], health["late_runs_count"]) == (False, 0)
    assert api.patch(place, json={"last_polled": "2100-01-01T00:00:00Z"}).status_code == 204
    assert api.get(f"{place}/status").json()["healthy"] is True
    assert api.delete(place).status_code == 204
    assert api.delete(f"/work_queues/{uuid4()}").status_code == 404


def test_pools_and_queues_are_found_by_their_filters(api, pool):
    api.post("/work_pools/", json={"name": "there", "type": "docker"})
    api.post("/work_pools/here/queues", json={"name": "Fast"})

    def pools(**picked):
        found = api.post("/work_pools/filter", json={"work_pools": picked}).json()
        assert api.post("/work_pools/count", json={"work_pools": picked}).json() == len(found)
        return [each["name"] for each in found]

    def queues(**picked):
        found = api.post("/work_queues/filter", json={"work_queues": picked}).json()
        return [(each["work_pool_name"], each["name"]) for each in found]

    assert pools() == ["here", "there"]
    assert pools(type={"any_": ["docker"]}) == ["there"]
    assert pools(id={"any_": [pool["id"]]}, name={"any_": ["there"]}) == []
    either = {"operator": "or_", "name": {"any_": ["here"]}, "type": {"any_": ["docker"]}}
    assert pools(**either) == ["here", "there"]
    assert queues(name={"startswith_": ["F"]}) == [("here", "Fast")]
    assert queues(name={"startswith_": ["f"]}) == []
    assert sorted(queues(name={"any_": ["default"]})) == [("here", "default"), ("there", "default")]


def test_a_deployment_lies_in_a_queue_that_is_made_for_it(api, pool, flow_id):
    assert deploy(api, flow_id, work_pool_name="none").status_code == 404
    known = deploy(api, flow_id, work_pool_name="here").json()
    assert (known["work_pool_name"], known["work_queue_name"]) == ("here", "default")
    assert known["work_queue_id"] == pool["default_queue_id"]
    place = f"/deployments/{known['id']}"
    changes = {"work_pool_name": "here", "work_queue_name": "made"}
    assert api.patch(place, json=changes).status_code == 204
    queue = api.get("/work_pools/here/queues/made").json()
    assert api.get(place).json()["work_queue_id"] == queue["id"]
    assert api.patch(place, json={"work_pool_name": "none"}).status_code == 404
    assert api.patch(place, json={"tags": ["a"]}).status_code == 204
    assert api.get(place).json()["work_queue_name"] == "made"
    assert api.delete("/work_pools/here/queues/made").status_code == 204
    left = api.get(place).json()
    assert (left["work_queue_id"], left["work_queue_name"]) == (None, "made")
    assert api.patch(place, json={"work_pool_name": None}).status_code == 204
    assert api.get(place).json()["work_queue_name"] is None
    created, *_ = told(api, "prefect.deployment.")
    roles = [resource["prefect.resource.role"] for resource in created["related"]]
    assert roles == ["flow", "work-queue", "work-pool"]


def test_variables_of_jobs_are_held_against_the_template(api, flow_id):
    asked = {"name": "strict", "type": "process", "base_job_template": TEMPLATE}
    api.post("/work_pools/", json=asked)
    wrong = deploy(api, flow_id, work_pool_name="strict", job_variables={"cores": "two"})
    assert wrong.status_code == 422
    assert "cores" in wrong.text
    known = deploy(api, flow_id, work_pool_name="strict", job_variables={"cores": 2}).json()
    runs = f"/deployments/{known['id']}/create_flow_run"
    refused = api.post(runs, json={"job_variables": {"cores": "x"}, "work_queue_name": "new"})
    assert refused.status_code == 422
    assert ranks(api, "strict") == {"default": 1}, "what was refused made a queue"
    assert api.post(runs, json={"job_variables": {"cores": 3}}).status_code == 201
    place = f"/deployments/{known['id']}"
    assert api.patch(place, json={"job_variables": {"cores": "x"}}).status_code == 422


def test_runs_lie_where_their_deployment_does_or_where_they_say(api, pool, flow_id):
    known = deploy(api, flow_id, work_pool_name="here", work_queue_name="q").json()
    run = api.post(f"/deployments/{known['id']}/create_flow_run", json={}).json()
    assert (run["work_pool_name"], run["work_queue_name"]) == ("here", "q")
    assert (run["work_pool_id"], run["work_queue_id"]) == (pool["id"], known["work_queue_id"])
    alone = {"flow_id": flow_id, "work_pool_name": "here"}
    assert api.post("/flow_runs/", json=alone).json()["work_queue_name"] == "default"
    missing = {"flow_id": flow_id, "work_pool_name": "none"}
    assert api.post("/flow_runs/", json=missing).status_code == 404
    (event,) = [e for e in told(api, "prefect.flow-run.") if run["id"] in str(e["resource"])]
    related = {one["prefect.resource.role"]: one for one in event["related"]}
    assert related["work-pool"]["prefect.work-pool.type"] == "process"
    assert related["work-queue"]["prefect.resource.name"] == "q"


def test_slots_that_are_taken_are_counted(api, pool, flow_id):
    api.patch("/work_pools/here", json={"concurrency_limit": 5})
    api.patch("/work_pools/here/queues/default", json={"concurrency_limit": 2})
    asked = {"flow_id": flow_id, "work_pool_name": "here"}
    ids = [api.post("/flow_runs/", json=asked).json()["id"] for _ in range(2)]
    assert api.get("/work_pools/here").json()["active_slots"] == 2
    done = {"state": {"type": "COMPLETED"}, "force": True}
    api.post(f"/flow_runs/{ids[0]}/set_state", json=done)
    assert api.get("/work_pools/here").json()["active_slots"] == 1
    assert api.get("/work_pools/here/queues/default").json()["active_slots"] == 1


def test_lists_are_joined_with_pools_queues_and_deployments(api, pool, flow_id):
    known = deploy(api, flow_id, work_pool_name="here", work_queue_name="q").json()
    other = api.post("/flows/", json={"name": "other"}).json()["id"]
    run = api.post(f"/deployments/{known['id']}/create_flow_run", json={}).json()
    api.post("/flow_runs/", json={"flow_id": other})
    task = {"flow_run_id": run["id"], "task_key": "t", "dynamic_key": "0"}
    api.post("/task_runs/", json=task)
    picks = [
        {"deployments": {"name": {"any_": ["daily"]}}},
        {"work_pools": {"name": {"any_": ["here"]}}},
        {"work_pools": {"type": {"any_": ["process"]}}},
        {"work_pool_queues": {"name": {"any_": ["q"]}}},
        {"flows": {"id": {"any_": [flow_id]}}, "work_pools": {"id": {"any_": [pool["id"]]}}},
    ]
    none = [
        {"deployments": {"name": {"any_": ["weekly"]}}},
        {"work_pools": {"name": {"any_": ["none"]}}},
        {"work_pool_queues": {"name": {"any_": ["default"]}}},
    ]
    for noun in ("flows", "flow_runs", "task_runs", "deployments"):
        for picked in picks:
            assert len(api.post(f"/{noun}/filter", json=picked).json()) == 1, (noun, picked)
            assert api.post(f"/{noun}/count", json=picked).json() == 1, (noun, picked)
        for picked in none:
            assert api.post(f"/{noun}/filter", json=picked).json() == [], (noun, picked)
            assert api.post(f"/{noun}/count", json=picked).json() == 0, (noun, picked)
    of_runs = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    assert [d["id"] for d in api.post("/deployments/filter", json=of_runs).json()] == [known["id"]]


def test_histories_look_at_pools_and_queues(api, pool, flow_id):
    asked = {"flow_id": flow_id, "work_pool_name": "here"}
    api.post("/flow_runs/", json=asked)
    api.post("/flow_runs/", json={"flow_id": flow_id})
    span = {
        "history_start": "2020-01-01T00:00:00Z",
        "history_end": "2120-01-01T00:00:00Z",
        "history_interval_seconds": 1e9,
    }

    def runs(**picked):
        found = api.post("/flow_runs/history", json={**span, **picked}).json()
        return sum(state["count_runs"] for each in found for state in each["states"])

    assert runs() == 2
    assert runs(work_pools={"name": {"any_": ["here"]}}) == 1
    assert runs(work_queues={"name": {"any_": ["default"]}}) == 1
    assert runs(work_queues={"name": {"any_": ["none"]}}) == 0


def test_a_pool_goes_with_its_queues_and_runs_remember_it(api, pool, flow_id):
    known = deploy(api, flow_id, work_pool_name="here", work_queue_name="q").json()
    run = api.post(f"/deployments/{known['id']}/create_flow_run", json={}).json()
    assert api.delete("/work_pools/here").status_code == 204
    assert api.get("/work_pools/here").status_code == 404
    assert api.get(f"/work_queues/{known['work_queue_id']}").status_code == 404
    left = api.get(f"/deployments/{known['id']}").json()
    assert (left["work_pool_name"], left["work_queue_id"]) == (None, None)
    assert api.get(f"/flow_runs/{run['id']}").json()["work_pool_name"] == "here"
    again = api.post(f"/deployments/{known['id']}/create_flow_run", json={})
    assert again.json()["work_pool_id"] is None
    gone = [event["event"] for event in told(api, "prefect.work-")][-3:]
    assert gone == ["prefect.work-queue.deleted"] * 2 + ["prefect.work-pool.deleted"]
