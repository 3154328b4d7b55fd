"""Flows of one process, recorded by the server of another."""

from __future__ import annotations

from tests.remote.actors import RUN

TASKS = 300


def names(found):
    return sorted((run["name"], run["state_type"]) for run in found)


def is_whole(server):
    """Assert that one run of `whole` with all that belongs to it is there, and nothing else."""
    runs = server.ask("/flow_runs/filter")
    assert [run["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert server.ask("/task_runs/count") == TASKS + 3
    failed = {"state": {"type": {"any_": ["FAILED"]}}}
    assert server.ask("/task_runs/count", task_runs=failed) == 1
    messages = [line["message"] for line in server.ask("/logs/filter")]
    assert messages.count(f"part {total()}") == 1


def total():
    return sum(range(1, TASKS + 1))


def test_a_flow_is_recorded_by_a_server(server, home, start):
    server.start()
    script = start(RUN, TASKS)
    assert script.rest() == ["submitted", f"total {total()}"]
    assert script.ends() == 0
    is_whole(server)
    assert not (home / "legato.db").exists()
    assert not (home / "spool").exists()
