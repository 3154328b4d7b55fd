"""States of task runs by their ids, which no index has: a long run would write a page for each.

An id that was made for a state says when (UUIDv7), and states are found by their times.
"""

from __future__ import annotations

from uuid import UUID

from legato._model.states import State
from legato._store import columns, decode, sql
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql

_ORDERED_BY_TIME = 7
_APART_US = 1_000_000, 60_000_000
"""How far time and id are from each other: nearly always less than the first, which is soon
looked through; the clocks of those who gave the two may differ."""


def find(tx: Transaction, state_id: UUID) -> State | None:
    """Return an accepted state of a task run; None: there is none of that id and about its time."""
    if state_id.version != _ORDERED_BY_TIME:
        return None
    made_at = (state_id.int >> 80) * 1000
    picked = sql.listed("task_run_state", columns.TASK_RUN_STATE)
    for apart in _APART_US:
        rows = tx.select(
            Sql(
                f"SELECT {picked}, task_run.flow_run_id FROM task_run_state"
                " JOIN task_run ON task_run.id = task_run_state.task_run_id"
                " WHERE task_run_state.ws = ? AND task_run_state.at BETWEEN ? AND ?"
                " AND task_run_state.state_id = ? AND task_run_state.version IS NOT NULL",
                (DEFAULT_WORKSPACE, made_at - apart, made_at + apart, state_id),
            )
        )
        if rows:
            return decode.task_run_state(rows[0])
    return None
