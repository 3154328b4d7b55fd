"""Deployments, and runs that are made of them."""

from __future__ import annotations

from uuid import uuid4

import pytest

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def flow_id(api):
    return api.post("/flows/", json={"name": "etl"}).json()["id"]


def deploy(api, flow_id, name="daily", **given):
    return api.post("/deployments/", json={"name": name, "flow_id": flow_id, **given})


def test_a_deployment_is_made_read_and_deleted(api, flow_id):
    made = deploy(api, flow_id, tags=["a"], parameters={"n": 1}, entrypoint="etl.py:etl")
    assert made.status_code == 201
    known = made.json()
    assert (known["tags"], known["parameters"], known["paused"]) == (["a"], {"n": 1}, False)
    place = f"/deployments/{known['id']}"
    assert api.get(place).json() == known
    assert api.get("/deployments/name/etl/daily").json() == known
    assert api.delete(place).status_code == 204
    assert api.get(place).status_code == 404
    assert api.get("/deployments/name/etl/daily").json()["detail"] == "Deployment not found"
    assert api.delete(place).status_code == 404


def test_one_of_the_same_name_is_replaced_and_keeps_its_id(api, flow_id):
    first = deploy(api, flow_id, description="old", tags=["a"])
    second = deploy(api, flow_id, version="2")
    assert second.status_code == 200
    assert second.json()["id"] == first.json()["id"]
    found = api.get("/deployments/name/etl/daily").json()
    assert (found["description"], found["version"], found["tags"]) == (None, "2", [])


def test_what_is_given_is_changed_and_the_rest_stays(api, flow_id):
    place = f"/deployments/{deploy(api, flow_id, tags=['a'], description='d').json()['id']}"
    changes = {"description": None, "parameters": {"n": 2}}
    assert api.patch(place, json=changes).status_code == 204
    found = api.get(place).json()
    assert (found["description"], found["parameters"], found["tags"]) == (None, {"n": 2}, ["a"])
    assert api.post(f"{place}/pause_deployment").status_code == 200
    assert api.get(place).json()["paused"] is True
    assert api.post(f"{place}/resume_deployment").status_code == 200
    assert api.get(place).json()["paused"] is False


def test_deployments_are_found_by_name_tags_and_pause(api, flow_id):
    deploy(api, flow_id, "daily", tags=["x"])
    deploy(api, flow_id, "weekly", paused=True)

    def names(**picked):
        found = api.post("/deployments/filter", json={"deployments": picked}).json()
        assert api.post("/deployments/count", json={"deployments": picked}).json() == len(found)
        return [deployment["name"] for deployment in found]

    assert names() == ["daily", "weekly"]
    assert names(name={"like_": "DAI"}) == ["daily"]
    assert names(tags={"all_": ["x"]}) == ["daily"]
    assert names(paused={"eq_": True}) == ["weekly"]
    assert names(flow_or_deployment_name={"like_": "et"}) == ["daily", "weekly"]
    assert names(flow_or_deployment_name={"like_": "week"}) == ["weekly"]
    page = {"sort": "NAME_DESC", "limit": 1, "offset": 1}
    assert [d["name"] for d in api.post("/deployments/filter", json=page).json()] == ["daily"]


def test_a_run_has_what_the_deployment_says_and_what_is_asked_for(api, flow_id):
    known = deploy(api, flow_id, tags=["a"], parameters={"n": 1, "m": 2}, version="3").json()
    asked = {"parameters": {"m": 5}, "tags": ["b"], "idempotency_key": "once"}
    place = f"/deployments/{known['id']}/create_flow_run"
    made = api.post(place, json=asked)
    assert made.status_code == 201
    run = made.json()
    assert (run["deployment_id"], run["flow_id"]) == (known["id"], flow_id)
    assert (run["parameters"], run["tags"]) == ({"n": 1, "m": 5}, ["a", "b"])
    assert (run["state_type"], run["deployment_version"]) == ("SCHEDULED", "3")
    again = api.post(place, json=asked)
    assert (again.status_code, again.json()["id"]) == (200, run["id"])
    picked = {"flow_runs": {"deployment_id": {"any_": [known["id"]]}}}
    assert [r["id"] for r in api.post("/flow_runs/filter", json=picked).json()] == [run["id"]]


def test_of_several_runs_that_are_asked_for_at_once_the_good_ones_are_made(api, flow_id):
    known = deploy(api, flow_id, parameter_openapi_schema=SCHEMA, tags=["a"]).json()
    place = f"/deployments/{known['id']}/create_flow_run/bulk"
    unknown = {"__prefect_kind": "workspace_variable", "variable_name": "none"}
    asked = [{"parameters": {"n": n}} for n in (1, "x", unknown)]
    answer = api.post(place, json=[*asked, {"parameters": {"n": 2}, "idempotency_key": "k"}])
    assert answer.status_code == 200
    first, wrong, missing, last = answer.json()["results"]
    assert [wrong["status"], wrong["flow_run_id"]] == ["FAILED", None]
    assert "n: 'x' is no integer" in wrong["error"]
    assert "'none'" in missing["error"]
    for made, n in ((first, 1), (last, 2)):
        assert (made["status"], made["error"]) == ("CREATED", None)
        run = api.get(f"/flow_runs/{made['flow_run_id']}").json()
        assert (run["parameters"], run["tags"]) == ({"n": n}, ["a"])
    assert api.post("/flow_runs/count", json={}).json() == 2
    again = {"parameters": {"n": 3}, "idempotency_key": "k"}
    assert api.post(place, json=[again]).json()["results"] == [last]


def test_how_many_runs_are_asked_for_at_once(api, flow_id):
    place = f"/deployments/{deploy(api, flow_id).json()['id']}/create_flow_run/bulk"
    assert api.post(place, json=[]).json() == {"results": []}
    refused = api.post(place, json=[{}] * 101)
    assert refused.status_code == 422
    assert "100" in refused.json()["detail"]
    assert api.post(f"/deployments/{uuid4()}/create_flow_run/bulk", json=[]).status_code == 404


def test_runs_that_have_not_begun_go_with_the_deployment(api, flow_id):
    place = f"/deployments/{deploy(api, flow_id).json()['id']}"
    waits = api.post(f"{place}/create_flow_run", json={}).json()["id"]
    asked = {"state": {"type": "PENDING"}}
    begun = api.post(f"{place}/create_flow_run", json=asked).json()["id"]
    assert api.delete(place).status_code == 204
    assert api.get(f"/flow_runs/{waits}").status_code == 404
    assert api.get(f"/flow_runs/{begun}").status_code == 200


def test_parameters_are_held_against_the_schema(api, flow_id):
    known = deploy(api, flow_id, parameter_openapi_schema=SCHEMA).json()
    place = f"/deployments/{known['id']}/create_flow_run"
    refused = api.post(place, json={"parameters": {"n": "x"}})
    assert refused.status_code == 409
    assert "n: 'x' is no integer" in refused.json()["detail"]
    assert api.post(place, json={}).status_code == 409
    loose = {"parameters": {"n": "x"}, "enforce_parameter_schema": False}
    assert api.post(place, json=loose).status_code == 201
    assert api.post(place, json={"parameters": {"n": 1}}).status_code == 201


def test_deployments_go_with_their_flow(api, flow_id):
    known = deploy(api, flow_id).json()
    without = {"flows": {"deployment": {"is_null_": True, "operator": "and_"}}}
    assert api.post("/flows/filter", json=without).json() == []
    counted = api.post("/ui/flows/count-deployments", json={"flow_ids": [flow_id]}).json()
    assert counted == {flow_id: 1}
    assert api.delete(f"/flows/{flow_id}").status_code == 204
    assert api.get(f"/deployments/{known['id']}").status_code == 404


def test_events_tell_of_deployments(api, flow_id):
    known = deploy(api, flow_id).json()
    api.delete(f"/deployments/{known['id']}")
    picked = {"filter": {"resource": {"id": [f"prefect.deployment.{known['id']}"]}}}
    found = api.post("/events/filter", json=picked).json()["events"]
    assert {event["event"] for event in found} == {
        "prefect.deployment.created",
        "prefect.deployment.deleted",
    }


def told(api, known):
    picked = {"filter": {"resource": {"id": [f"prefect.deployment.{known['id']}"]}}}
    found = api.post("/events/filter", json=picked).json()["events"]
    return sorted(event["event"].rpartition(".")[2] for event in found)


def test_nothing_is_told_of_a_change_that_changes_nothing(api, flow_id):
    said = {"tags": ["a"], "parameters": {"n": 1}, "description": "d"}
    known = deploy(api, flow_id, **said).json()
    place = f"/deployments/{known['id']}"
    for same in ({}, said, {"paused": False}):
        assert api.patch(place, json=same).status_code == 204
    assert deploy(api, flow_id, **said).status_code == 200
    assert api.post(f"{place}/resume_deployment").status_code == 200
    assert told(api, known) == ["created"]
    assert api.patch(place, json={"tags": ["b"]}).status_code == 204
    assert deploy(api, flow_id, **said).status_code == 200
    assert told(api, known) == ["created", "updated", "updated"]


def test_who_pauses_what_is_paused_changes_nothing(api, flow_id):
    place = f"/deployments/{deploy(api, flow_id, paused=True).json()['id']}"
    before = api.get(place).json()
    assert api.post(f"{place}/pause_deployment").status_code == 200
    assert api.get(place).json() == before
    assert api.post(f"/deployments/{uuid4()}/pause_deployment").status_code == 404


def test_one_that_is_replaced_stays_paused_and_loose_unless_that_is_said(api, flow_id):
    loose = {"enforce_parameter_schema": False, "pull_steps": [{"x": {}}]}
    deploy(api, flow_id, paused=True, **loose)
    wrong = {"parameters": {"n": "x"}, "parameter_openapi_schema": SCHEMA}
    kept = deploy(api, flow_id, **wrong)
    assert kept.status_code == 200
    names = ("paused", "enforce_parameter_schema", "pull_steps")
    assert [kept.json()[name] for name in names] == [True, False, [{"x": {}}]]
    assert api.get(f"/deployments/{kept.json()['id']}").json() == kept.json()
    said = deploy(api, flow_id, paused=False).json()
    assert said["paused"] is False


def test_own_parameters_are_held_against_the_schema_when_they_are_saved(api, flow_id):
    wrong = {"parameters": {"n": "x"}, "parameter_openapi_schema": SCHEMA}
    refused = deploy(api, flow_id, **wrong)
    assert refused.status_code == 422
    (fault,) = refused.json()["exception_detail"]
    assert fault["loc"] == ["body", "parameters"]
    assert "n: 'x' is no integer" in fault["msg"]
    assert "enforce_parameter_schema=false" in fault["msg"]
    assert api.post("/deployments/count", json={}).json() == 0
    place = f"/deployments/{deploy(api, flow_id, parameter_openapi_schema=SCHEMA).json()['id']}"
    refused = api.patch(place, json={"parameters": {"n": "x"}})
    assert refused.status_code == 409
    assert "parameters: n: 'x' is no integer" in refused.json()["detail"]
    assert api.patch(place, json={"description": "d"}).status_code == 204
    loose = {"parameters": {"n": "x"}, "enforce_parameter_schema": False}
    assert api.patch(place, json=loose).status_code == 204
    assert api.patch(place, json={"description": None}).status_code == 204
    assert api.patch(place, json={"enforce_parameter_schema": True}).status_code == 409
    assert deploy(api, flow_id, **wrong, enforce_parameter_schema=True).status_code == 422
    assert deploy(api, flow_id, **wrong).status_code == 200


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"__prefect_kind": "workspace_variable", "variable_name": "later"}, 201),
        ({"__prefect_kind": "jinja", "template": "{{ x }}"}, 201),
        ({"__prefect_kind": "json", "value": "1"}, 201),
        ({"__prefect_kind": "json", "value": "[]"}, 422),
        ({"__prefect_kind": "json", "value": "["}, 422),
    ],
)
def test_what_a_value_will_be_is_told_where_it_can_be_told(api, flow_id, value, status):
    given = {"parameters": {"n": value}, "parameter_openapi_schema": SCHEMA}
    made = deploy(api, flow_id, **given)
    assert made.status_code == status
    assert status != 201 or made.json()["parameters"] == {"n": value}


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"schedules": [{"schedule": {"interval": 60}}]},
        {"concurrency_limit": 1},
        {"parameter_openapi_schema": {"$ref": "#/nowhere"}},
    ],
)
def test_what_is_refused_names_the_field(api, flow_id, given):
    refused = deploy(api, flow_id, **{"name": "daily", **given})
    assert refused.status_code == 422
    assert next(iter(given)) in refused.text


def test_a_flow_or_a_deployment_that_is_not_there(api):
    assert deploy(api, str(uuid4())).status_code == 422
    assert api.post(f"/deployments/{uuid4()}/create_flow_run", json={}).status_code == 404


def test_deployments_are_read_page_by_page(api, flow_id):
    for name in ("a", "b", "c"):
        deploy(api, flow_id, name)
    found = api.post("/deployments/paginate", json={"page": 2, "limit": 2}).json()
    assert [deployment["name"] for deployment in found.pop("results")] == ["c"]
    assert found == {"count": 3, "limit": 2, "pages": 2, "page": 2}
    whole = api.post("/deployments/paginate", json={"deployments": {"name": {"like_": "b"}}}).json()
    assert whole["results"] == [api.get("/deployments/name/etl/b").json()]
    assert api.post("/deployments/paginate", json={"page": 0}).status_code == 422


def test_several_deployments_are_deleted_at_once(api, flow_id):
    made = [deploy(api, flow_id, name, tags=["x"]).json()["id"] for name in ("a", "b")]
    kept = deploy(api, flow_id, "c").json()["id"]
    api.post(f"/deployments/{made[0]}/create_flow_run", json={})
    picked = {"deployments": {"tags": {"all_": ["x"]}}}
    assert api.post("/deployments/bulk_delete", json={**picked, "limit": 51}).status_code == 422
    assert api.post("/deployments/bulk_delete", json=picked).json() == {"deleted": made}
    assert [one["id"] for one in api.post("/deployments/filter").json()] == [kept]
    assert api.post("/flow_runs/count", json={}).json() == 0


def test_what_a_deployment_is_told_nothing_of(api):
    flow = api.post("/flows/", json={"name": "labelled", "labels": {"team": "a"}}).json()
    made = deploy(api, flow["id"], labels={"kind": "daily"}).json()
    assert made["labels"] == {"prefect.flow.id": flow["id"], "team": "a", "kind": "daily"}
    assert (made["parameter_openapi_schema"], made["pull_steps"]) == ({}, [])
    run = api.post(f"/deployments/{made['id']}/create_flow_run", json={}).json()
    deployment = {"prefect.deployment.id": made["id"]}
    assert run["labels"] == {**made["labels"], **deployment}


def test_a_run_names_the_version_of_its_deployment(api, flow_id):
    made = deploy(api, flow_id, version="2.1").json()
    run = api.post(f"/deployments/{made['id']}/create_flow_run", json={}).json()
    for found in (run, api.get(f"/flow_runs/{run['id']}").json()):
        assert (found["deployment_version"], found["flow_version"]) == ("2.1", None)


def test_a_run_has_no_queue_where_its_deployment_has_no_pool(api, flow_id):
    place = f"/deployments/{deploy(api, flow_id).json()['id']}/create_flow_run"
    refused = api.post(place, json={"work_queue_name": "q"})
    assert refused.status_code == 400
    assert "work_queue_name" in refused.json()["detail"]
    assert api.post("/flow_runs/count", json={}).json() == 0


def test_one_run_of_several_that_cannot_be_made_leaves_the_others(api, flow_id):
    place = f"/deployments/{deploy(api, flow_id).json()['id']}/create_flow_run/bulk"
    answer = api.post(place, json=[{}, {"work_queue_name": "q"}])
    assert answer.status_code in (200, 201), answer.text
    assert api.post("/flow_runs/count", json={}).json() == 1
