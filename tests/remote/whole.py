"""What is there once one run of the script RUN has been recorded with all that belongs to it."""

from __future__ import annotations

TASKS = 300


def total():
    return sum(range(1, TASKS + 1))


def is_whole(server, tasks=TASKS):
    """Assert that all of one run is there once, and nothing else."""
    runs = server.ask("/flow_runs/filter")
    assert [run["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert server.ask("/task_runs/count") == tasks + 3
    failed = {"state": {"type": {"any_": ["FAILED"]}}}
    assert server.ask("/task_runs/count", task_runs=failed) == 1
    completed = {"state": {"type": {"any_": ["COMPLETED"]}}}
    assert server.ask("/task_runs/count", task_runs=completed) == tasks + 2
    messages = [line["message"] for line in server.ask("/logs/filter")]
    assert messages.count(f"part {sum(range(1, tasks + 1))}") == 1
    return runs
