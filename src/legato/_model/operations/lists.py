"""What operations that list or count have in common."""

from __future__ import annotations

from legato._model.errors import InvalidRequest
from legato._model.filters import (
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    Leaf,
    TaskRunFilter,
    WorkPoolFilter,
    WorkQueueFilter,
)
from legato._model.operations.spec import LIMIT, Operation


class OfRuns(Operation, kw_only=True):
    """A request for what the filters pick; each looks at its noun, all must be true."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None


NOUNS = ("flows", "flow_runs", "task_runs", "deployments", "work_pools", "work_pool_queues")


def filters(request: Operation) -> dict[str, Leaf]:
    """Return the filters that a request has, by the noun that each of them looks at."""
    given = {noun: getattr(request, noun, None) for noun in NOUNS}
    return {noun: leaf for noun, leaf in given.items() if leaf is not None}


def bounds(limit: int | None, offset: int, most: int = LIMIT) -> tuple[int, int]:
    """Return how many rows a list has at most, and how many it leaves out; raise InvalidRequest."""
    count = most if limit is None else limit
    if count > most:  # in the words that Prefect's clients know
        raise InvalidRequest(f"Invalid limit: must be less than or equal to {most}.")
    if count < 0:
        raise InvalidRequest(f"Invalid limit: must not be negative, but is {count}.")
    if offset < 0:
        raise InvalidRequest(f"offset: must not be negative, but is {offset}.")
    return count, offset
