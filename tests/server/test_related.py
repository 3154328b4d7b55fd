"""Filters of other nouns that ask for nothing: what has one at all, as Prefect's server has it."""

from __future__ import annotations

import pytest

NOUNS = ("flows", "flow_runs", "task_runs", "deployments")
PLACES = ("work_pools", "work_pool_queues")


@pytest.fixture
def names(api):
    """Make one of each noun that has all others, and one that has none; ask for names."""

    def make(path, **body):
        answer = api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    full, bare = make("/flows/", name="full"), make("/flows/", name="bare")
    make("/work_pools/", name="pool", type="process")
    placed = make("/deployments/", name="full", flow_id=full, work_pool_name="pool")
    make("/deployments/", name="bare", flow_id=full)
    run_id = make(f"/deployments/{placed}/create_flow_run", name="full")
    make("/flow_runs/", name="bare", flow_id=full)
    key = {"task_key": "t", "dynamic_key": "0"}
    make("/task_runs/", name="full", flow_run_id=run_id, **key)
    make("/task_runs/", name="bare", **key)
    assert bare

    def ask(noun, **filters):
        found = api.post(f"/{noun}/filter", json=filters)
        assert found.status_code == 200, found.text
        names = sorted(one["name"] for one in found.json())
        assert api.post(f"/{noun}/count", json=filters).json() == len(names)
        return names

    return ask


@pytest.mark.parametrize("empty", [{}, {"id": None}, {"name": {"any_": None}}])
@pytest.mark.parametrize("other", [*NOUNS, *PLACES])
@pytest.mark.parametrize("noun", NOUNS)
def test_a_filter_that_asks_for_nothing(names, noun, other, empty):
    each_has_one = noun == other or (other == "flows" and noun in ("flow_runs", "deployments"))
    assert names(noun, **{other: empty}) == (["bare", "full"] if each_has_one else ["full"])


def test_of_which_there_are_none(api, names):
    pages = {"flows": {"name": {"any_": ["bare"]}}, "flow_runs": {}}
    assert names("flows", **pages) == []
    assert names("flows", flow_runs=None) == ["bare", "full"]


def test_artifacts_of_runs_at_all(api, run):
    made = run("RUNNING")
    for key, of in (("of-a-run", {"flow_run_id": made["id"]}), ("of-none", {})):
        api.post("/artifacts/", json={"key": key, "type": "text", "data": "x", **of})
    found = api.post("/artifacts/filter", json={"flow_runs": {}}).json()
    assert [one["key"] for one in found] == ["of-a-run"]
    assert api.post("/artifacts/count", json={"deployments": {}}).json() == 0


def test_a_run_that_has_not_begun_starts_when_it_is_expected_to(api, run):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2001-02-03T00:00:00Z"}}
    waits, begun = run(due)["id"], run("RUNNING")["id"]
    day = {"after_": "2001-02-02T00:00:00Z", "before_": "2001-02-04T00:00:00Z"}
    spans = [
        ({"after_": "2001-02-02T00:00:00Z"}, {waits, begun}),
        (day, {waits}),
        ({"after_": "2001-02-04T00:00:00Z"}, {begun}),
        ({**day, "is_null_": True}, {waits}),
        ({**day, "is_null_": False}, set()),
    ]
    for span, expected in spans:
        asked = {"flow_runs": {"start_time": span}}
        assert {one["id"] for one in api.post("/flow_runs/filter", json=asked).json()} == expected
        looked_at = {"flow_runs": {"start_time": span, "name": {"like_": ""}}}
        for body in (asked, looked_at):
            assert api.post("/flow_runs/count", json=body).json() == len(expected)
