"""Routes from the operation table: which one answers, with which status and shape."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import pytest


def test_the_handshake_of_a_client(api):
    assert api.get("/health").json() is True
    assert api.get("/ready").json() == {"message": "OK"}
    assert api.get("/version").json() == "0.8.4"
    assert api.get("/admin/version").json().split(".")[0] == "3"
    token = api.get("/csrf-token", params={"client": str(uuid4())})
    assert (token.status_code, token.json()) == (422, {"detail": "CSRF protection is disabled."})


@pytest.mark.parametrize(
    ("version", "status"), [("0.8.4", 200), ("0.8.0", 200), ("0.7.9", 400), ("abc", 400)]
)
def test_clients_of_an_older_api_are_told(api, version, status):
    headers = {"x-prefect-api-version": version}
    answer = api.post("/flows/filter", json={}, headers=headers)
    assert answer.status_code == status
    assert status == 200 or version in answer.json()["detail"]


def test_a_missing_slash_is_a_redirect_that_keeps_the_method(api):
    answer = api.post("/flows", json={"name": "x"})
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/api/flows/")
    assert api.post("/flows", json={"name": "x"}, follow_redirects=True).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/route", 404),
        ("PUT", "/flows/filter", 405),
        ("GET", "/flow_runs/no-id", 404),
        ("GET", "/flow_runs/0199aaaa-0000-7000-8000-000000000001", 404),
        ("POST", "/flows/filter", 200),
    ],
)
def test_what_is_not_there_is_said_in_json(api, method, path, status):
    answer = api.request(method, path)
    assert answer.status_code == status
    assert status == 200 or answer.json()["detail"]


def test_what_exists_is_found_with_another_status(api, flow):
    assert api.post("/flows/", json={"name": "new"}).status_code == 201
    again = api.post("/flows/", json={"name": "etl"})
    assert (again.status_code, again.json()["id"]) == (200, flow["id"])
    body = {"flow_id": flow["id"], "idempotency_key": "k"}
    first, second = (api.post("/flow_runs/", json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


def test_all_problems_of_a_body_are_listed(api):
    answer = api.post("/flow_runs/", json={"x": 1, "flow_id": 3, "tags": [1]})
    found = answer.json()
    assert answer.status_code == 422
    assert found["exception_message"] == "Invalid request received."
    assert found["request_body"] == {"x": 1, "flow_id": 3, "tags": [1]}
    places = {(p["type"], *p["loc"]) for p in found["exception_detail"]}
    assert places >= {("extra_forbidden", "body", "x"), ("value_error", "body", "flow_id")}


@pytest.mark.parametrize("path", ["flows", "flow_runs", "v2/concurrency_limits", "variables"])
def test_a_list_has_at_most_200(api, path):
    answer = api.post(f"/{path}/filter", json={"limit": 201})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Invalid limit: must be less than or equal to 200."


@pytest.mark.parametrize("body", [b"{", b"[1", b"\xff", b"[" * 100_000, b"NaN"])
def test_a_body_that_is_no_json_object_is_refused(api, body):
    answer = api.post("/flows/", content=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["exception_detail"]
    assert fault["loc"] == ["body"]
    assert fault["msg"].startswith("The body ")


def test_a_body_that_is_text_is_no_flow(api):
    answer = api.post("/flows/", content=b'"text"')
    assert answer.status_code == 422
    assert answer.json()["request_body"] == "text"


def test_a_body_needs_no_content_type(api):
    answer = api.post("/flows/", content=b'{"name": "plain"}', headers={"content-type": ""})
    assert answer.json()["name"] == "plain"


def test_a_filter_that_is_null_is_none(api, flow):
    body = {"flows": {"id": None, "deployment": None}, "deployments": None, "limit": None}
    assert [found["id"] for found in api.post("/flows/filter", json=body).json()] == [flow["id"]]


def test_the_base_path_ends_with_its_slash(api):
    beside = str(api.base_url).removesuffix("/") + "flows/filter"
    assert api.post(beside).status_code == 404


@pytest.mark.parametrize("sort", ["END_TIME_DESC", "NEXT_SCHEDULED_START_TIME_ASC"])
def test_runs_without_the_time_that_a_page_is_sorted_by_come_last(api, run, sort):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2030-01-01T00:00:00Z"}}
    states = ({"type": "COMPLETED"}, {"type": "PENDING"}, due, {"type": "FAILED"})
    ended = [run(state=state)["id"] for state in states]
    whole = api.post("/flow_runs/filter", json={"sort": sort}).json()
    first = {"END_TIME_DESC": {ended[0], ended[3]}, "NEXT_SCHEDULED_START_TIME_ASC": {ended[2]}}
    assert {found["id"] for found in whole[: len(first[sort])]} == first[sort]
    pages = [
        api.post("/flow_runs/filter", json={"sort": sort, "limit": 1, "offset": n}).json()
        for n in range(5)
    ]
    assert [found["id"] for page in pages for found in page] == [found["id"] for found in whole]
    assert len(whole) == 4


def test_long_answers_are_compressed(api, run):
    for _ in range(8):
        run()
    answer = api.post("/flow_runs/filter", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()) == 8


def test_a_state_has_all_its_details(run, flow):
    found = run()
    details = found["state"]["state_details"]
    assert details["flow_run_id"] == found["id"]
    assert {"cache_key", "deferred", "pause_key", "transition_id", "traceparent"} <= set(details)
    assert found["labels"] == {"prefect.flow.id": flow["id"], "team": "a"}
    assert found["empirical_policy"]["retries"] is None
    assert found["job_variables"] == {}
    assert found["total_run_time"] == 0.0
    assert found["name"].count("-") == 1


def test_pages_and_counts(api, run):
    for n in range(5):
        run(name=str(n))
    body = {"sort": "NAME_ASC", "limit": 2, "page": 3}
    page = api.post("/flow_runs/paginate", json=body).json()
    assert (page["count"], page["pages"], page["page"], page["limit"]) == (5, 3, 3, 2)
    assert [found["name"] for found in page["results"]] == ["4"]
    assert api.post("/flow_runs/count").json() == 5
    assert api.post("/flow_runs/paginate", json={"page": 0}).status_code == 422
    assert api.post("/flows/paginate", json={"limit": 2}).json()["pages"] == 1


def test_many_are_deleted_at_once_but_not_too_many(api, run):
    ids = [run()["id"] for _ in range(3)]
    body = {"flow_runs": {"id": {"any_": ids[:2]}}}
    assert sorted(api.post("/flow_runs/bulk_delete", json=body).json()["deleted"]) == sorted(
        ids[:2]
    )
    assert [found["id"] for found in api.post("/flow_runs/filter").json()] == ids[2:]
    assert api.post("/flow_runs/bulk_delete", json={"limit": 51}).status_code == 422
    assert len(api.post("/flows/bulk_delete").json()["deleted"]) == 1
    assert api.post("/flow_runs/filter").json() == []


def test_tags_and_labels_change(api, flow, run):
    assert api.patch(f"/flows/{flow['id']}", json={"tags": ["n"]}).status_code == 204
    assert api.get(f"/flows/{flow['id']}").json()["tags"] == ["n"]
    made = run(labels={"a": 1})
    assert api.patch(f"/flow_runs/{made['id']}/labels", json={"b": "two"}).status_code == 204
    labels = api.get(f"/flow_runs/{made['id']}").json()["labels"]
    assert labels == {"prefect.flow.id": flow["id"], "team": "a", "a": 1, "b": "two"}


@pytest.mark.parametrize("name", ["a/b", "a%41", "a%2Fb", "..", "a b", "\N{SNOWMAN}", "end/"])
def test_a_name_in_a_path_is_decoded_once(api, name):
    made = api.post("/concurrency_limits/", json={"tag": name, "concurrency_limit": 1})
    assert made.status_code == 201
    found = api.get("/concurrency_limits/tag/" + quote(name, safe="").replace(".", "%2E"))
    assert (found.status_code, found.json().get("tag")) == (200, name)
