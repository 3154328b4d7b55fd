"""Commands that ask the home, or a server on either store: what they say is the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from legato import flow, get_client, get_run_logger, task
from legato._backend import current as backends
from legato._settings import current as configuration
from tests.api.conftest import KEY, PLACES, postgres_url, serve

__all__ = ["postgres_url", "serve"]
ROW = "name state_name flow_name"
HELD = """
import sys
from legato import flow

@flow(flow_run_name="held")
def held():
    print("begun", flush=True)
    sys.stdin.readline()

held(return_state=True)
"""


@task
def load(n):
    get_run_logger().warning("loading %s", n)
    if n < 0:
        raise ValueError("negative")


@flow(flow_run_name="etl-{n}")
def etl(n: int):
    load(n)


@pytest.fixture(params=PLACES, autouse=True)
def place(request, home, serve, monkeypatch):
    """Where runs are recorded, as the active profile says."""
    if request.param != "home":
        from legato._settings import profiles

        profiles.create("served")
        profiles.use("served")
        profiles.write("API_URL", serve(request.param))
        profiles.write("API_KEY", KEY)
    yield request.param
    assert (home / "legato.db").exists() == (request.param == "home")
    backends.retire(str(home))
    configuration.forget()


def test_flow_runs(legato):
    etl(1)
    etl(-1, return_state=True)
    runs = legato("flow-run", "ls", "-o", "json").json
    assert [[run[key] for key in ROW.split()] for run in runs] == [
        ["etl--1", "Failed", "etl"],
        ["etl-1", "Completed", "etl"],
    ]
    assert "etl-1" in legato("flow-run", "ls", "--state", "Completed", "--flow", "etl").out
    story = legato("flow-run", "inspect", "etl--1").out
    assert "negative" in story
    logged = legato("flow-run", "logs", "etl-1", "--level", "WARNING").out
    assert "loading 1" in logged
    assert "Failed" in legato("task-run", "ls").out
    assert legato("flow-run", "diff", "etl-1", "etl--1").code == 0
    assert "etl" in legato("flow", "ls").out
    found = legato("flow-run", "inspect", "etl-2")
    assert (found.code, found.out) == (1, "")
    assert "did you mean" in found.err
    assert legato("flow-run", "delete", "etl-1", "--yes").code == 0
    assert [run["name"] for run in legato("flow-run", "ls", "-o", "json").json] == ["etl--1"]


def test_objects(legato):
    assert legato("variable", "set", "region", '{"a": [1, null]}').code == 0
    assert legato("variable", "get", "region").out == '{"a": [1, null]}\n'
    again = legato("variable", "set", "region", "2")
    assert again.code == 1
    assert "--overwrite" in again.err
    assert legato("variable", "unset", "region").code == 0
    limits = ("global-concurrency-limit", "concurrency-limit")
    assert legato(limits[0], "create", "db", "--limit", "3").code == 0
    assert legato(limits[1], "create", "slow", "2").code == 0
    assert [row["name"] for row in legato(limits[0], "ls", "-o", "json").json] == ["db", "tag:slow"]
    assert "slow" in legato(limits[1], "ls").out
    assert legato(limits[0], "delete", "db").code == 0


def test_a_run_that_nobody_has_is_cancelled(legato):
    with get_client(sync_client=True) as client:
        client.create_flow_run(etl, name="mine", parameters={"n": 1})
        found = legato("flow-run", "cancel", "mine")
        assert (found.code, found.out) == (0, "")
        assert "Cancelled the flow run 'mine'" in found.err
        [run] = client.read_flow_runs()
        assert (run.state.name, run.state.message) == (
            "Cancelled",
            "Cancelled from the command line.",
        )
    found = legato("flow-run", "cancel", "mine")
    assert found.code == 1
    assert "it is Cancelled" in found.err


def test_a_run_at_work_is_cancelling_until_it_ends(legato):
    process = subprocess.Popen(
        [sys.executable, "-c", HELD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    with process:
        assert process.stdout.readline() == "begun\n"
        found = legato("flow-run", "cancel", "held")
        assert found.code == 0, found.err
        assert f"is Cancelling; process {process.pid} on" in found.err
        [run] = legato("flow-run", "ls", "-o", "json").json
        assert run["state_name"] == "Cancelling"
        process.communicate("\n", timeout=60)
    [run] = legato("flow-run", "ls", "-o", "json").json
    assert run["state_name"] == "Cancelled"
