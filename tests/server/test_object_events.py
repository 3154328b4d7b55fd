"""Events of objects that were made, changed, deleted."""

from __future__ import annotations

import pytest


@pytest.fixture
def told(api):
    """The events of a kind in their order: verb, resource, payload, related."""

    def ask(kind):
        filter_ = {"event": {"prefix": [f"prefect.{kind}."]}, "order": "ASC"}
        answer = api.post("/events/filter", json={"filter": filter_})
        assert answer.status_code == 200, answer.text
        return [
            (
                found["event"].removeprefix(f"prefect.{kind}."),
                found["resource"],
                found["payload"],
                {one["prefect.resource.role"]: one for one in found["related"]},
            )
            for found in answer.json()["events"]
        ]

    return ask


def made(api, path, body, status=201):
    answer = api.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def named(kind, id_, name):
    return {"prefect.resource.id": f"prefect.{kind}.{id_}", "prefect.resource.name": name}


def test_a_variable_tells_of_its_life(api, told):
    id_ = made(api, "/variables/", {"name": "rate", "value": 5, "tags": ["eu"]})["id"]
    assert api.patch("/variables/name/rate", json={"value": [6]}).status_code == 204
    assert api.delete(f"/variables/{id_}").status_code == 204
    resource = named("variable", id_, "rate")
    assert told("variable") == [
        ("created", resource, {"name": "rate", "value": 5, "tags": ["eu"]}, {}),
        ("updated", resource, {"name": "rate", "value": [6], "tags": ["eu"]}, {}),
        ("deleted", resource, {"name": "rate", "value": [6], "tags": ["eu"]}, {}),
    ]


def test_what_is_refused_makes_no_event(api, told):
    made(api, "/variables/", {"name": "rate", "value": 5})
    assert api.post("/variables/", json={"name": "rate", "value": 6}).status_code == 409
    assert api.delete("/variables/name/nobody").status_code == 404
    assert [verb for verb, *_ in told("variable")] == ["created"]


def test_a_flow_that_exists_is_not_made_again(api, told):
    id_ = made(api, "/flows/", {"name": "etl", "tags": ["a"], "labels": {"n": 1}})["id"]
    made(api, "/flows/", {"name": "etl"}, status=200)
    assert api.patch(f"/flows/{id_}", json={"tags": ["b"]}).status_code == 204
    assert api.delete(f"/flows/{id_}").status_code == 204
    found = told("flow")
    assert [(verb, payload["tags"]) for verb, _, payload, _ in found] == [
        ("created", ["a"]),
        ("updated", ["b"]),
        ("deleted", ["b"]),
    ]
    assert found[0][1] == named("flow", id_, "etl")
    assert found[0][2] == {"name": "etl", "tags": ["a"], "labels": {"n": 1}}


def test_limits_tell_of_their_lives_by_name_and_by_tag(api, told):
    id_ = made(api, "/v2/concurrency_limits/", {"name": "db", "limit": 2})["id"]
    api.patch("/v2/concurrency_limits/db", json={"limit": 3})
    api.delete("/v2/concurrency_limits/db")
    of_tag = made(api, "/concurrency_limits/", {"tag": "big", "concurrency_limit": 4})["id"]
    made(api, "/concurrency_limits/", {"tag": "big", "concurrency_limit": 5}, 200)
    api.delete("/concurrency_limits/tag/big")
    found = told("concurrency-limit")
    assert [(verb, payload.get("limit")) for verb, _, payload, _ in found[:3]] == [
        ("created", 2),
        ("updated", 3),
        ("deleted", 3),
    ]
    assert found[0][1] == named("concurrency-limit", id_, "db")
    assert found[3:] == [
        (
            verb,
            named("concurrency-limit", of_tag, "big"),
            {"tag": "big", "concurrency_limit": n},
            {},
        )
        for verb, n in (("created", 4), ("updated", 5), ("deleted", 5))
    ]


def test_a_key_of_artifacts_follows_its_latest(api, told):
    first = made(api, "/artifacts/", {"key": "report", "type": "markdown", "data": "# 1"})
    second = made(api, "/artifacts/", {"key": "report", "data": "x" * 20_000})
    api.delete(f"/artifacts/{second['id']}")
    api.delete(f"/artifacts/{first['id']}")
    found = told("artifact-collection")
    assert [
        (verb, payload["data"], related["latest"]["prefect.resource.id"])
        for verb, _, payload, related in found
    ] == [
        ("created", "# 1", f"prefect.artifact.{first['id']}"),
        ("updated", None, f"prefect.artifact.{second['id']}"),
        ("updated", "# 1", f"prefect.artifact.{first['id']}"),
        ("deleted", "# 1", f"prefect.artifact.{first['id']}"),
    ]
    assert told("artifact") == []  # who makes one over the REST API tells of it, as Prefect's do
