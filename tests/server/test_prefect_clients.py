"""Prefect's own client and command line against the server, unmodified.

They run only where a Python is named that has Prefect 3.8.8:

    LEGATO_TEST_PREFECT=venv/bin/python python -m pytest tests/server/test_prefect_clients.py
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

PREFECT = os.environ.get("LEGATO_TEST_PREFECT")
SCRIPTS = Path(__file__).parent / "prefect_scripts"
pytestmark = [
    pytest.mark.skipif(PREFECT is None, reason="LEGATO_TEST_PREFECT names no Python with Prefect"),
    pytest.mark.timeout(300),
]

FLOW_KEYS = {"id", "created", "updated", "name", "tags", "labels"}
STATE_KEYS = {"id", "type", "name", "timestamp", "message", "data", "state_details"}
FLOW_RUN_KEYS = {
    "id",
    "created",
    "updated",
    "name",
    "flow_id",
    "state_id",
    "deployment_id",
    "deployment_version",
    "work_queue_id",
    "work_queue_name",
    "flow_version",
    "parameters",
    "idempotency_key",
    "context",
    "empirical_policy",
    "tags",
    "labels",
    "parent_task_run_id",
    "state_type",
    "state_name",
    "run_count",
    "expected_start_time",
    "next_scheduled_start_time",
    "start_time",
    "end_time",
    "total_run_time",
    "estimated_run_time",
    "estimated_start_time_delta",
    "auto_scheduled",
    "infrastructure_document_id",
    "infrastructure_pid",
    "created_by",
    "work_pool_id",
    "work_pool_name",
    "state",
    "job_variables",
}
OWN_KEYS = {"root_flow_run_id", "entrypoint", "durable", "rerun_of", "parameters_id"}
"""What Legato says of flow runs besides; Prefect's clients do not look at it."""

# Prefect's own server was asked this by the same script: requests, status codes, keys of answers.
SEEN = {
    ("GET", "/admin/version"): (200, None),
    ("GET", "/csrf-token"): (422, {"detail"}),
    ("POST", "/flows/"): (201, FLOW_KEYS),
    ("GET", "/flows/ID"): (200, FLOW_KEYS),
    ("POST", "/flow_runs/"): (201, FLOW_RUN_KEYS | OWN_KEYS),
    ("GET", "/flow_runs/ID"): (200, FLOW_RUN_KEYS | OWN_KEYS),
    ("POST", "/flow_runs/ID/set_state"): (201, {"state", "status", "details"}),
    ("GET", "/admin/storage"): (200, {"default_result_storage_block_id"}),
    ("POST", "/logs/"): (201, None),
}


class Recorder:
    """Notes each request to an application with the status and the keys of its answer."""

    def __init__(self, app):
        self.app, self.seen, self.bodies = app, {}, {}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        parts = []

        async def noted(message):
            parts.append(message)
            await send(message)

        plain = {**scope, "extensions": {}}  # else answers are written past `send`
        await self.app(plain, receive, noted)
        path = re.sub(r"[0-9a-f-]{36}", "ID", scope["path"].removeprefix("/api"))
        answer = self.seen[scope["method"], path] = _answer(parts)
        self.bodies[scope["method"], path] = answer[1]

    def table(self):
        return {
            request: (status, set(body) if isinstance(body, dict) else None)
            for request, (status, body) in self.seen.items()
        }


def _answer(parts):
    headers = dict(parts[0]["headers"])
    body = b"".join(part.get("body", b"") for part in parts[1:])
    if headers.get(b"content-encoding") == b"gzip":
        body = gzip.decompress(body)
    return parts[0]["status"], json.loads(body) if body else None


@pytest.fixture
def recorder():
    return []


@pytest.fixture
def client(serve, recorder):
    """A client of a server that notes what it is asked."""

    def around(app):
        recorder.append(Recorder(app))
        return recorder[0]

    with serve(around=around) as api:
        yield api


@pytest.fixture
def prefect(client, tmp_path):
    """Start a script of Prefect's against the server; returns what it printed last."""

    def start(script, text=""):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LEGATO_", "PREFECT_"))}
        settings = {
            "PREFECT_API_URL": str(client.base_url).rstrip("/"),
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.1",
            "COLUMNS": "200",
        }
        kept.pop("PYTHONPATH", None)
        run = subprocess.run(
            [PREFECT, SCRIPTS / script],
            env={**kept, **settings},
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith(("{", "["))]

    return start


def test_a_flow_asks_what_it_asks_prefects_server_and_is_answered_alike(client, prefect, recorder):
    ((said,)) = prefect("flow.py")
    assert recorder[0].table() == SEEN
    run = client.get(f"/flow_runs/{said['id']}").json()
    assert set(run["state"]) == STATE_KEYS
    assert (run["state_name"], run["run_count"], run["parameters"]) == ("Completed", 1, {"n": 3})
    below = {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}}
    tasks = client.post("/task_runs/filter", json=below).json()
    assert sorted((t["task_key"][0], t["run_count"]) for t in tasks) == [
        ("a", 1),
        ("a", 1),
        ("b", 2),
    ]
    lines = client.post("/logs/filter", json={}).json()
    assert "hello from flow" in [line["message"] for line in lines]
    found = client.get(f"/flow_runs/{run['id']}/graph-v2").json()
    assert [node["label"][0] for _, node in found["nodes"]] == ["a", "b", "a"]


def test_objects_and_results(client, prefect):
    (said,) = prefect("objects.py")
    run_id = said.pop("id")
    assert said == {
        "variable_twice": True,
        "variable": {"n": 42},
        "variable_missing": "nothing",
        "variable_gone": None,
        "tag_held": True,
        "slots": 2,
        "slots_after": 0,
        "limit_gone": True,
        "value": {"x": 7},
        "result": {"x": 7},
        "data": "ResultRecordMetadata",
        "artifact": ["# two", "second"],
        "progress": 90.0,
        "logged": [30],
    }
    asked = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}}
    (below,) = client.post("/flow_runs/filter", json=asked).json()
    assert (below["state_type"], below["root_flow_run_id"]) == ("COMPLETED", run_id)


def test_commands(client, prefect):
    flow = client.post("/flows/", json={"name": "nightly"}).json()["id"]
    made = {}
    for name, state in (("one", "COMPLETED"), ("two", "SCHEDULED"), ("three", "FAILED")):
        body = {"flow_id": flow, "name": name, "state": {"type": state}}
        made[name] = client.post("/flow_runs/", json=body).json()["id"]
    line = {"name": "x", "level": 20, "message": "a line", "timestamp": "2026-01-01T00:00:00Z"}
    client.post("/logs/", json=[{**line, "flow_run_id": made["one"]}])
    commands = [
        ["version"],
        ["flow-run", "ls"],
        ["flow-run", "ls", "--state-type", "FAILED"],
        ["flow-run", "inspect", made["one"]],
        ["flow-run", "logs", made["one"]],
        ["flow-run", "cancel", made["two"]],
        ["flow-run", "cancel", made["one"]],
        ["--no-prompt", "flow-run", "delete", made["three"]],
        ["flow-run", "inspect", made["three"]],
        ["flow-run", "logs", str(uuid4())],
    ]
    found = prefect("commands.py", "\n".join(map(json.dumps, commands)))
    assert [status for status, _ in found] == [0, 0, 0, 0, 0, 0, 1, 0, 1, 1]
    texts = [text for _, text in found]
    assert "3.8.8" in texts[0]
    assert all(name in texts[1] for name in made)
    assert "three" in texts[2]
    assert "one" not in texts[2]
    assert made["one"] in texts[3]
    assert "a line" in texts[4]
    assert "scheduled for cancellation" in texts[5]
    assert "terminal state" in texts[6]
    assert "not found" in texts[8]
    assert "not found" in texts[9]
    assert client.get(f"/flow_runs/{made['two']}").json()["state_type"] == "CANCELLED"
    assert client.get(f"/flow_runs/{made['three']}").status_code == 404
