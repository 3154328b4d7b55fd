"""Where Prefect's routes say more, or otherwise, than the operation table."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from msgspec import structs
from starlette.datastructures import URL
from starlette.types import Scope

from legato._model.operations.events import EventPage, FilterEvents, FilterEventsNext
from legato._model.operations.spec import Operation
from legato._server.shapes import is_new

# 201 if the request made what it answers with, 200 if that was there before.
CREATED_OR_FOUND = frozenset(
    {
        "flows.create",
        "flow_runs.create",
        "task_runs.create",
        "concurrency_limits.create",
        "saved_searches.save",
        "deployments.create",
        "deployments.create_flow_run",
        "flow_runs.set_state",
        "flow_runs.resume",
        "task_runs.set_state",
    }
)

PLAIN_TEXT = frozenset({"flow_run_inputs.read"})
"""What is answered with as it is, not as JSON."""

NULLS_COUNT = frozenset({"parameter_values.validate"})
"""Whose body holds values of users, where null is one."""


def without_nulls(kind: type[Operation], body: Any) -> Any:
    """Return the body of a request without what it does not say.

    Prefect's clients send null for each filter, and each detail of a state, that they know and do
    not use. In a change (PATCH) null is a value.
    """
    if kind.spec.id in NULLS_COUNT:
        return body
    if kind.spec.access == "read":
        return bare(body)
    if kind.spec.method == "PATCH" or not isinstance(body, dict):
        return body
    given = _present(cast("dict[str, Any]", body))
    return {**given, "state": _stated(given["state"])} if "state" in given else given


def _stated(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    given = _present(cast("dict[str, Any]", state))
    details = given.get("state_details")
    if isinstance(details, dict):
        given["state_details"] = _present(cast("dict[str, Any]", details))
    return given


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def bare(value: Any) -> Any:
    """Return the members of an object, and of those in it, that are not null."""
    if not isinstance(value, dict):
        return value
    return {key: bare(item) for key, item in _present(cast("dict[str, Any]", value)).items()}


def linked(found: Any, scope: Scope) -> Any:
    """Return an answer with the whole address of what comes next, where it has a token for that."""
    if isinstance(found, EventPage) and found.next_page is not None:
        asked = URL(scope=scope)
        base, _, _ = asked.path.rpartition(FilterEvents.spec.path)
        path, query = base + FilterEventsNext.spec.path, f"page-token={found.next_page}"
        there = asked.replace(path=path, query=query)
        return structs.replace(found, next_page=str(there))
    return found


def status(operation: Operation, found: Any, now: datetime) -> int:
    """Return the status of the answer to an operation that was carried out at `now`."""
    if operation.spec.id in CREATED_OR_FOUND:
        return 201 if is_new(found, now) else 200
    return operation.spec.status
