"""Which function carries out which operation; modules are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from legato._model.operations.spec import Operation
from legato._store.port import Store, Transaction

Handler = Callable[[Transaction, datetime, Any], Any]

# operation id "flow_runs.set_state" -> function `set_state` of `_control/flow_runs.py`
_MODULES = {
    "flows": "flows",
    "flow_runs": "flow_runs",
    "flow_run_inputs": "flow_run_inputs",
    "task_runs": "task_runs",
    "flow_run_states": "flow_run_states",
    "task_run_states": "task_run_states",
    "logs": "logs",
    "events": "events",
    "results": "results",
    "cache_lookups": "cache_lookups",
    "attempts": "openings",
    "variables": "variables",
    "artifacts": "artifacts",
    "artifact_collections": "artifact_collections",
    "global_concurrency_limits": "global_concurrency_limits",
    "concurrency_limits": "concurrency_limits",
    "saved_searches": "saved_searches",
    "collections": "collections",
    "deployments": "deployments",
    "parameter_values": "parameter_values",
    "work_pools": "work_pools",
    "work_queues": "work_queues",
    "workers": "workers",
    "slots": "slots",
    "flights": "flights",
    "limit_slots": "limit_slots",
    "writers": "writers",
    "admin": "admin",
}
# Functions that stand in a module of their own.
_APART = {
    "events.count_by": "event_counts",
    "flow_runs.set_state": "prefect_flow_runs",
    "flow_runs.bulk_set_state": "prefect_flow_runs",
    "task_runs.set_state": "prefect_task_runs",
    "flow_runs.resume": "resuming",
    "flow_runs.history": "histories",
    "flow_runs.count_task_runs": "histories",
    "task_runs.history": "task_histories",
    "logs.download": "log_download",
    "flow_runs.graph": "graphs",
    "flow_runs.dependencies": "graphs",
    "flow_runs.lateness": "dashboard",
    "flow_runs.points": "dashboard",
    "flows.count_deployments": "dashboard",
    "flows.next_runs": "dashboard",
    "task_runs.count_ended": "dashboard",
    "task_runs.read_within": "dashboard",
    "task_runs.count_by_state": "histories",
    "work_pools.count_slots": "pool_slots",
    "work_queues.count_slots": "queue_slots",
    "workers.poll": "polls",
    "workers.poll_queue": "polls",
    "workers.poll_deployments": "polls",
    "attempts.renew": "attempt_leases",
    "attempts.close": "attempt_leases",
}
# What Prefect's clients ask for by the same routes, but mean otherwise.
_PREFECT_LANE = {
    "artifacts.create": "prefect_artifacts",
    "artifacts.update": "prefect_artifacts",
}


# What follows the ordered log asks the store how far that is known, then takes a snapshot.
_FOLLOWERS = {"events.follow": "event_streams"}


def follower_of(operation: Operation) -> Callable[[Store, datetime, Any], Any] | None:
    """Return the function that carries out an operation on the ordered log, if it is one."""
    name = _FOLLOWERS.get(operation.spec.id)
    if name is None:
        return None
    found: Callable[[Store, datetime, Any], Any] = _function(name, operation.spec.id)
    return found


def is_followed(operation_id: str) -> bool:
    """Tell whether an operation is one on the ordered log."""
    return operation_id in _FOLLOWERS


# What may delete much does most of it before, in many transactions.
_CLEARING = {
    "flow_runs.delete": "flow_run",
    "flow_runs.bulk_delete": "flow_runs_found",
    "flows.delete": "flow",
    "flows.bulk_delete": "flows_found",
}


def is_cleared(operation_id: str) -> bool:
    """Tell whether there are steps to do before an operation is carried out."""
    return operation_id in _CLEARING


def clearing(store: Store, now: datetime, operation: Operation) -> Iterator[None]:
    """Do what is to be done before an operation, a transaction at each step; may be left at any."""
    name = _CLEARING.get(operation.spec.id)
    if name is None:
        return iter(())
    steps: Iterator[None] = getattr(import_module("legato._control.clearing"), name)(
        store, now, operation
    )
    return steps


def handler_of(operation: Operation, *, prefect: bool = False) -> Handler:
    """Return the function that carries out an operation; `prefect`: for one of its clients."""
    return _handler(operation.spec.id, prefect)


@cache
def _handler(operation_id: str, prefect: bool) -> Handler:
    name = _PREFECT_LANE.get(operation_id) if prefect else None
    name = name or _APART.get(operation_id)
    handler: Handler = _function(name or _MODULES[operation_id.partition(".")[0]], operation_id)
    return handler


def _function(module: str, operation_id: str) -> Any:
    return getattr(import_module(f"legato._control.{module}"), operation_id.partition(".")[2])
