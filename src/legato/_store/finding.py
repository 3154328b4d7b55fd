"""Flows, runs and histories by id, over statements compiled ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from legato._model.flow_runs import FlowRun
from legato._model.flows import Flow
from legato._model.states import State
from legato._model.task_runs import TaskRun
from legato._store import decode, encode
from legato._store.port import DEFAULT_WORKSPACE, Transaction


def find_flow(tx: Transaction, flow_id: UUID) -> Flow | None:
    """Return the flow of that id."""
    rows = tx.rows("flow.read", {"ws": DEFAULT_WORKSPACE, "id": flow_id})
    return decode.flow(rows[0]) if rows else None


def find_flow_by_name(tx: Transaction, name: str) -> Flow | None:
    """Return the flow of that name."""
    rows = tx.rows("flow.find", {"ws": DEFAULT_WORKSPACE, "name": encode.text(name)})
    return decode.flow(rows[0]) if rows else None


def find_flow_run(tx: Transaction, run_id: UUID) -> FlowRun | None:
    """Return the flow run of that id."""
    rows = tx.rows("flow_run.read", {"ws": DEFAULT_WORKSPACE, "id": run_id})
    return decode.flow_run(rows[0]) if rows else None


def find_flow_run_by_key(tx: Transaction, params: Mapping[str, Any]) -> UUID | None:
    """Return the run of a flow that was created with an idempotency key."""
    rows = tx.rows("flow_run.find_by_key", params)
    return decode.uid(rows[0][0]) if rows else None


def find_task_run(tx: Transaction, run_id: UUID) -> TaskRun | None:
    """Return the task run of that id."""
    rows = tx.rows("task_run.read", {"ws": DEFAULT_WORKSPACE, "id": run_id})
    return decode.task_run(rows[0]) if rows else None


def find_step(
    tx: Transaction, flow_run_id: UUID | None, task_key: str, dynamic_key: str
) -> UUID | None:
    """Return the run of a task with that key, in a flow run or outside of all."""
    params = {"task_key": encode.text(task_key), "dynamic_key": encode.text(dynamic_key)}
    if flow_run_id is None:
        rows = tx.rows("task_run.find_alone", params)
    else:
        rows = tx.rows("task_run.find_step", {**params, "flow_run_id": flow_run_id})
    return decode.uid(rows[0][0]) if rows else None


def list_flow_run_states(tx: Transaction, run_id: UUID) -> list[State]:
    """Return the accepted states of a flow run, oldest first."""
    rows = tx.rows("flow_run_state.list", {"run_id": run_id})
    return [decode.flow_run_state(row) for row in rows]


def list_task_run_states(tx: Transaction, run_id: UUID) -> list[State]:
    """Return the accepted states of a task run, oldest first."""
    rows = tx.rows("task_run_state.list", {"run_id": run_id})
    return [decode.task_run_state(row) for row in rows]


def find_flow_run_state(tx: Transaction, state_id: UUID) -> tuple[State, int, UUID] | None:
    """Return an accepted state of a flow run, its version and its run; None: not stored."""
    for row in tx.rows("flow_run_state.find", {"state_id": state_id}):
        if row[2] is not None:
            return decode.flow_run_state(row), row[2], decode.uid(row[1])
    return None
