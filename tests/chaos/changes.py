"""Each kind of change that a client of the API makes, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Send = Callable[..., Any]
"""Is told the path and the body; `by_itself`: sent again, the same is meant without a key, too."""

COUNT = 24
"""How many there are."""


def make(send: Send) -> None:
    """Have each change made; what a later one names was answered to an earlier one."""
    flow = send("/flows/", {"name": "etl"}, by_itself=True)["id"]
    run = send("/flow_runs/", {"flow_id": flow, "state": {"type": "PENDING"}})["id"]
    named = {"flow_id": flow, "idempotency_key": "order-7", "state": {"type": "SCHEDULED"}}
    other = send("/flow_runs/", named, by_itself=True)["id"]
    _move(send, f"/flow_runs/{run}", "RUNNING")
    _parts_of_a_run(send, run)
    _limits(send)
    _objects(send, flow)
    _move(send, f"/flow_runs/{run}", "COMPLETED")
    several = {"flow_runs": {"id": {"any_": [other]}}}
    cancelled = {"type": "CANCELLED", "name": "Cancelled"}
    send("/flow_runs/bulk_set_state", {**several, "state": cancelled})
    send("/flow_runs/bulk_delete", several)


def _parts_of_a_run(send: Send, run: str) -> None:
    now = datetime.now(UTC).isoformat()
    task = {"flow_run_id": run, "task_key": "add", "dynamic_key": "0"}
    task_run = send("/task_runs/", {**task, "state": {"type": "PENDING"}})["id"]
    _move(send, f"/task_runs/{task_run}", "RUNNING")
    _move(send, f"/task_runs/{task_run}", "COMPLETED")
    line = {"name": "x", "level": 20, "message": "hello", "flow_run_id": run, "timestamp": now}
    send("/logs/", [line, line])
    send("/artifacts/", {"key": "report", "type": "text", "data": "1", "flow_run_id": run})
    send(f"/flow_runs/{run}/input", {"key": "answer", "value": "42"})
    resource = {"prefect.resource.id": "shop.order.7"}
    event = {"id": "0197aa00-0000-7000-8000-000000000007", "event": "order.paid", "occurred": now}
    send("/events", [{**event, "resource": resource, "payload": {}}], by_itself=True)


def _limits(send: Send) -> None:
    send("/v2/concurrency_limits/", {"name": "gate", "limit": 100})
    send("/concurrency_limits/", {"tag": "db", "concurrency_limit": 10})
    slots = {"names": ["gate"], "slots": 3}
    send("/v2/concurrency_limits/increment", {**slots, "mode": "concurrency"})
    send("/v2/concurrency_limits/decrement", {**slots, "slots": 1, "occupancy_seconds": 1.0})
    path = "/v2/concurrency_limits/increment-with-lease"
    held = send(path, {**slots, "mode": "concurrency", "lease_duration": 300})
    send("/v2/concurrency_limits/decrement-with-lease", {"lease_id": held["lease_id"]})
    send(path, {**slots, "mode": "concurrency", "lease_duration": 300})


def _objects(send: Send, flow: str) -> None:
    send("/variables/", {"name": "region", "value": "north"})
    deployment = send("/deployments/", {"name": "nightly", "flow_id": flow})["id"]
    send(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})


def _move(send: Send, path: str, kind: str) -> None:
    answer = send(f"{path}/set_state", {"state": {"type": kind}})
    assert answer["status"] == "ACCEPT", answer
