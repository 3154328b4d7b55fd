"""Histories of task runs."""

from __future__ import annotations

from datetime import datetime

from legato._model.operations.states import ReadTaskRunStates
from legato._model.states import State
from legato._store import columns, decode, schema
from legato._store.port import Transaction
from legato._store.queries import lists


def filter(tx: Transaction, now: datetime, request: ReadTaskRunStates) -> list[State]:  # noqa: A001
    """Return the accepted states of a task run, oldest first."""
    table = schema.task_run_state
    condition = table.c.task_run_id == request.task_run_id
    rows = lists.history(tx, table, columns.TASK_RUN_STATE, condition)
    return [decode.task_run_state(row) for row in rows]
