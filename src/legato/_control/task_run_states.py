"""Histories of task runs."""

from __future__ import annotations

from datetime import datetime

from legato._model.operations.states import ReadTaskRunStates
from legato._model.states import State
from legato._store import finding
from legato._store.port import Transaction


def filter(tx: Transaction, now: datetime, request: ReadTaskRunStates) -> list[State]:  # noqa: A001
    """Return the accepted states of a task run, oldest first."""
    return finding.list_task_run_states(tx, request.task_run_id)
