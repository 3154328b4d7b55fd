"""`legato deployment`: ls, inspect, run, delete."""

from __future__ import annotations

import io
import json
from uuid import uuid4

import pytest

from legato import flow, get_client


@flow
def etl(n=0):
    return n


@flow
def report():
    return None


@pytest.fixture
def deployed(home):
    """Two deployments of a flow and one of another; their ids by name."""
    with get_client(sync_client=True) as client:
        given = {"parameters": {"n": 1, "m": [0]}, "tags": ["a"], "entrypoint": "etl.py:etl"}
        return {
            "etl/weekly": str(client.create_deployment(client.create_flow(etl), "weekly")),
            "report/daily": str(
                client.create_deployment(client.create_flow(report), "daily", paused=True)
            ),
            "etl/daily": str(client.create_deployment(client.create_flow(etl), "daily", **given)),
        }


def test_a_fresh_home_has_none_and_says_so(home, legato):
    assert legato("deployment", "ls") == (0, "", "There are no deployments yet.\n")
    assert legato("deployment", "ls", "-o", "json").json == []


def test_they_are_listed_by_flow_and_name(legato, deployed):
    rows = legato("deployment", "ls").out.splitlines()
    assert rows[0].split()[:2] == ["NAME", "PAUSED"]
    assert [row.split()[0] for row in rows[1:]] == ["etl/daily", "etl/weekly", "report/daily"]
    assert [row.split()[1] for row in rows[1:]] == ["no", "no", "yes"]
    newest = [
        found["name"] for found in legato("deployment", "ls", "--by-created", "-o", "json").json
    ]
    assert newest == ["daily", "daily", "weekly"]
    (only,) = legato("deployment", "ls", "report", "-o", "json").json
    assert only["id"] == deployed["report/daily"]
    assert legato("deployment", "ls", "gone").err == "No deployments like that.\n"


def test_one_is_inspected_by_name_or_id(legato, deployed):
    shown = legato("deployment", "inspect", "etl/daily").out
    assert '{"n": 1, "m": [0]}' in shown
    assert "etl.py:etl" in shown
    by_id = legato("deployment", "inspect", "--id", deployed["etl/daily"], "-o", "json").json
    assert by_id == legato("deployment", "inspect", "etl/daily", "-o", "json").json
    assert by_id["tags"] == ["a"]


def test_a_run_is_made_with_parameters_from_several_places(legato, deployed, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"n": 2, "who": "ann"}'))
    options = ["--params", "-", "-p", "n=3", "-p", "text=so", "--job-variable", "cpu=2"]
    named = ["--tag", "b", "--flow-run-name", "now"]
    made = legato("deployment", "run", "etl/daily", *options, *named)
    assert (made.code, "waits for a worker" in made.err) == (0, True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(made.out.strip())
    assert run.parameters == {"n": 3, "m": [0], "who": "ann", "text": "so"}
    assert (run.name, sorted(run.tags), run.job_variables) == ("now", ["a", "b"], {"cpu": 2})
    assert str(run.deployment_id) == deployed["etl/daily"]
    assert run.state_name == "Scheduled"


def test_one_is_deleted_or_all(legato, deployed):
    assert legato("deployment", "delete", "etl/daily").err == "Deleted 1 deployment(s).\n"
    assert len(legato("deployment", "ls", "-o", "json").json) == 2
    asked = legato("deployment", "delete", "--all")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert legato("deployment", "delete", "--all", "-y").err == "Deleted 2 deployment(s).\n"
    assert legato("deployment", "ls", "-o", "json").json == []


@pytest.mark.parametrize("command", ["inspect", "run", "delete"])
def test_what_cannot_be_meant_is_said(legato, deployed, command):
    wrong = legato("deployment", command, "etl/dayly")
    assert (wrong.code, "did you mean etl/daily" in wrong.err) == (1, True)
    assert legato("deployment", command, "--id", str(uuid4())).code == 1
    for words in ((), ("daily",), ("etl/daily", "--id", str(uuid4()))):
        assert legato("deployment", command, *words).code == 2
    assert len(legato("deployment", "ls", "-o", "json").json) == 3


@pytest.mark.parametrize("given", [("--params", "["), ("--params", "[1]"), ("-p", "n")])
def test_parameters_that_are_none(legato, deployed, given):
    assert legato("deployment", "run", "etl/daily", *given).code == 2
    assert json.loads(legato("flow-run", "ls", "-o", "json").out) == []
