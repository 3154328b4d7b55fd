"""Searches that are kept under a name."""

from __future__ import annotations

from uuid import uuid4

import pytest

LATE = {
    "object": "flow_run",
    "property": "state",
    "type": "state",
    "operation": "equals",
    "value": {"name": "Late"},
}


def save(api, name, *filters):
    return api.put("/saved_searches/", json={"name": name, "filters": list(filters)})


def test_a_search_is_saved_read_and_deleted(api):
    made = save(api, "late", LATE)
    assert made.status_code == 201
    place = f"/saved_searches/{made.json()['id']}"
    assert api.get(place).json() == made.json()
    assert made.json()["filters"] == [LATE]
    assert api.delete(place).status_code == 204
    assert api.get(place).status_code == 404
    assert api.delete(place).json()["detail"] == "Saved search not found"


def test_a_search_of_the_same_name_is_replaced(api):
    first, second = save(api, "late", LATE), save(api, "late")
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
    assert api.get(f"/saved_searches/{first.json()['id']}").json()["filters"] == []


def test_searches_are_listed_by_name(api):
    for name in ("b", "c", "a"):
        save(api, name)
    found = api.post("/saved_searches/filter", json={"limit": 2, "offset": 1}).json()
    assert [search["name"] for search in found] == ["b", "c"]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a", "filters": [{"object": "x"}]}])
def test_what_is_no_search(api, body):
    assert api.put("/saved_searches/", json=body).status_code == 422


def test_a_search_that_is_not_there(api):
    assert api.get(f"/saved_searches/{uuid4()}").status_code == 404
