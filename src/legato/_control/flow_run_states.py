"""Histories of flow runs."""

from __future__ import annotations

from datetime import datetime

from legato._model.operations.states import ReadFlowRunStates
from legato._model.states import State
from legato._store import columns, decode, schema
from legato._store.port import Transaction
from legato._store.queries import lists


def filter(tx: Transaction, now: datetime, request: ReadFlowRunStates) -> list[State]:  # noqa: A001
    """Return the accepted states of a flow run, oldest first."""
    table = schema.flow_run_state
    condition = table.c.flow_run_id == request.flow_run_id
    rows = lists.history(tx, table, columns.FLOW_RUN_STATE, condition)
    return [decode.flow_run_state(row) for row in rows]
