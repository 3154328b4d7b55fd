"""Bodies that say too much or nothing: what makes or changes something is told so."""

from __future__ import annotations

from uuid import uuid4

import pytest

MADE = [
    ("/flows/", {"name": "f"}),
    ("/variables/", {"name": "v", "value": 1}),
    ("/artifacts/", {"key": "a"}),
    ("/concurrency_limits/", {"tag": "t", "concurrency_limit": 1}),
    ("/v2/concurrency_limits/", {"name": "g", "limit": 1}),
]


@pytest.mark.parametrize(("path", "body"), MADE)
def test_a_field_that_there_is_not(api, path, body):
    refused = api.post(path, json={**body, "naem": "x"})
    assert refused.status_code == 422
    (fault,) = refused.json()["exception_detail"]
    assert (fault["type"], fault["loc"][-1]) == ("extra_forbidden", "naem")
    made = api.post(path, json=body)
    assert made.status_code == 201, made.text


@pytest.fixture
def places(api, run):
    """Paths of objects that can be changed."""
    made = {path: api.post(path, json=body).json()["id"] for path, body in MADE}
    task = {"flow_run_id": None, "task_key": "t", "dynamic_key": "0"}
    made["/task_runs/"] = api.post("/task_runs/", json=task).json()["id"]
    made["/flow_runs/"] = run("PENDING")["id"]
    del made["/concurrency_limits/"]
    return [*(path + id_ for path, id_ in made.items()), "/variables/name/v"]


def test_changes_of_what_there_is_not(api, places):
    for place in places:
        refused = api.patch(place, json={"naem": "x"})
        assert (place, refused.status_code) == (place, 422)
        assert refused.json()["exception_detail"][0]["loc"][-1] == "naem"


@pytest.mark.parametrize("body", [b"", b"null"])
def test_nothing_is_made_or_changed_by_nothing(api, places, body):
    calls = [("PATCH", place) for place in places] + [("POST", path) for path, _ in MADE]
    for method, path in calls:
        refused = api.request(method, path, content=body)
        assert (path, refused.status_code) == (path, 422)
        (fault,) = refused.json()["exception_detail"]
        assert (fault["type"], fault["loc"]) == ("missing", ["body"])


@pytest.mark.parametrize("body", [b"", b"null", b"{}"])
def test_who_asks_for_all_need_say_nothing(api, body):
    assert api.post("/flows/filter", content=body).json() == []
    assert api.post("/flow_runs/count", content=body).json() == 0


def test_what_is_wrong_with_a_field_is_told_in_its_place(api):
    refused = api.post("/flows/", json={"name": "a/b"})
    assert refused.status_code == 422
    (fault,) = refused.json()["exception_detail"]
    assert (fault["loc"], fault["input"]) == (["body", "name"], "a/b")
    assert refused.json()["request_body"] == {"name": "a/b"}


@pytest.mark.parametrize(("name", "value"), [("offset", -1), ("page", 0)])
def test_pages_that_there_are_not(api, name, value):
    kind = "paginate" if name == "page" else "filter"
    refused = api.post(f"/flow_runs/{kind}", json={name: value})
    assert refused.status_code == 422
    assert refused.json()["exception_detail"][0]["loc"] == ["body", name]


def test_what_a_new_object_names_and_there_is_not_is_what_is_missing(api, flow):
    body = {"flow_id": flow["id"], "work_pool_name": "none"}
    for path, more in (("/flow_runs/", {}), ("/deployments/", {"name": "d"})):
        refused = api.post(path, json={**body, **more})
        assert (refused.status_code, refused.json()["detail"]) == (
            404,
            'Work pool "none" not found.',
        )
    nobody = str(uuid4())
    refused = api.post("/flow_runs/", json={"flow_id": nobody})
    assert (refused.status_code, nobody in refused.json()["detail"]) == (404, True)
