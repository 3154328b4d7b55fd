"""What operations that list or count have in common."""

from __future__ import annotations

from legato._model.errors import InvalidRequest
from legato._model.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from legato._model.operations.spec import LIMIT, Operation


class OfRuns(Operation, kw_only=True):
    """A request for what the filters pick; each looks at its noun, all must be true."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None


def bounds(limit: int | None, offset: int, most: int = LIMIT) -> tuple[int, int]:
    """Return how many rows a list has at most, and how many it leaves out; raise InvalidRequest."""
    count = most if limit is None else limit
    if count > most:  # in the words that Prefect's clients know
        raise InvalidRequest(f"Invalid limit: must be less than or equal to {most}.")
    if count < 0:
        raise InvalidRequest(f"Invalid limit: must not be negative, but is {count}.")
    if offset < 0:
        raise InvalidRequest(f"Invalid offset: must not be negative, but is {offset}.")
    return count, offset
