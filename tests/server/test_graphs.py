"""How the runs below a flow run hang together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from legato._control import graphs


@pytest.fixture
def task(api):
    """Create a task run that has completed; `after` are the runs that its argument came from."""

    def create(flow_run_id, key, *, after=(), within=()):
        inputs = {"x": [{"input_type": "task_run", "id": run_id} for run_id in after]}
        if within:
            above = [{"input_type": "task_run", "id": run_id} for run_id in within]
            inputs["__parents__"] = above
        body = {
            "task_key": "t",
            "dynamic_key": key,
            "name": key,
            "flow_run_id": flow_run_id,
            "task_inputs": inputs,
        }
        made = api.post("/task_runs/", json=body).json()["id"]
        for state in ("RUNNING", "COMPLETED"):
            api.post(f"/task_runs/{made}/set_state", json={"state": {"type": state}})
        return made

    return create


def graph(api, run_id, **query):
    answer = api.get(f"/flow_runs/{run_id}/graph-v2", params=query)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found, {node["label"]: node for _, node in found["nodes"]}


def ids(edges):
    return [edge["id"] for edge in edges]


def test_runs_hang_on_those_that_their_arguments_came_from(api, run, task, flow):
    above = run("RUNNING")["id"]
    a = task(above, "a")
    b = task(above, "b", after=[a], within=[a])
    stands = task(above, "kid", after=[b])
    kid = api.post(
        "/flow_runs/", json={"flow_id": flow["id"], "name": "k", "parent_task_run_id": stands}
    ).json()["id"]
    c = task(above, "c", after=[stands, a])
    found, nodes = graph(api, above)
    assert [node_id for node_id, _ in found["nodes"]] == [a, b, kid, c]
    assert found["root_node_ids"] == [a]
    assert (nodes["etl / k"]["kind"], nodes["a"]["kind"]) == ("flow-run", "task-run")
    assert ids(nodes["a"]["children"]) == [b, c]
    assert (ids(nodes["b"]["parents"]), ids(nodes["b"]["encapsulating"])) == ([a], [a])
    assert (ids(nodes["etl / k"]["parents"]), ids(nodes["c"]["parents"])) == ([b], [kid, a])
    assert [state["name"] for state in found["states"]] == ["Running"]


def test_what_had_ended_before_is_left_out(api, run, task):
    above = run("RUNNING")["id"]
    task(above, "a")
    later = datetime.now(UTC) + timedelta(hours=1)
    assert graph(api, above, since=later.isoformat())[0]["nodes"] == []
    assert len(graph(api, above, since=(later - timedelta(hours=2)).isoformat())[0]["nodes"]) == 1


def test_artifacts_are_at_their_runs(api, run, task):
    above = run("RUNNING")["id"]
    a = task(above, "a")
    for more in ({"task_run_id": a, "data": 0.5, "type": "progress"}, {"key": "k", "data": "text"}):
        api.post("/artifacts/", json={"flow_run_id": above, **more})
    api.post("/artifacts/", json={"flow_run_id": above, "type": "result"})
    found, nodes = graph(api, above)
    (own,), (pinned,) = found["artifacts"], nodes["a"]["artifacts"]
    assert (own["key"], own["data"], own["is_latest"]) == ("k", None, True)
    assert (pinned["type"], pinned["data"]) == ("progress", 0.5)


def test_a_graph_that_nobody_could_draw_is_refused(api, run, task, monkeypatch):
    above = run("RUNNING")["id"]
    task(above, "a")
    monkeypatch.setattr(graphs, "MOST_NODES", 0)
    answer = api.get(f"/flow_runs/{above}/graph-v2")
    assert answer.status_code == 400
    assert "more than 0" in answer.json()["detail"]


def test_task_runs_with_what_they_depend_on(api, run, task):
    above = run("RUNNING")["id"]
    a = task(above, "a")
    b = task(above, "b", after=[a])
    found = {one["id"]: one for one in api.get(f"/flow_runs/{above}/graph").json()}
    assert found[b]["upstream_dependencies"] == [{"input_type": "task_run", "id": a}]
    assert (found[a]["upstream_dependencies"], found[a]["state"]["type"]) == ([], "COMPLETED")


def test_there_is_no_graph_of_a_run_that_is_not_there(api):
    for path in ("graph", "graph-v2"):
        assert api.get(f"/flow_runs/{uuid4()}/{path}").status_code == 404
