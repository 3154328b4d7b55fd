"""Histories of task runs."""

from __future__ import annotations

from datetime import datetime

from legato._model.errors import ObjectNotFound
from legato._model.operations.states import ReadTaskRunState, ReadTaskRunStates
from legato._model.states import State
from legato._store import finding
from legato._store.port import Transaction


def read(tx: Transaction, now: datetime, request: ReadTaskRunState) -> State:
    """Return an accepted state; raise ObjectNotFound."""
    from legato._store.queries import task_run_states as queries

    found = queries.find(tx, request.id)
    if found is None:
        raise ObjectNotFound(f"There is no state {request.id} of a task run.")
    return found


def filter(tx: Transaction, now: datetime, request: ReadTaskRunStates) -> list[State]:  # noqa: A001
    """Return the accepted states of a task run, oldest first."""
    return finding.list_task_run_states(tx, request.task_run_id)
