"""Histories of flow runs."""

from __future__ import annotations

from datetime import datetime

from legato._model.errors import ObjectNotFound
from legato._model.operations.states import ReadFlowRunState, ReadFlowRunStates
from legato._model.states import State
from legato._store import finding
from legato._store.port import Transaction


def read(tx: Transaction, now: datetime, request: ReadFlowRunState) -> State:
    """Return an accepted state; raise ObjectNotFound."""
    found = finding.find_flow_run_state(tx, request.id)
    if found is None:
        raise ObjectNotFound(f"There is no state {request.id} of a flow run.")
    return found[0]


def filter(tx: Transaction, now: datetime, request: ReadFlowRunStates) -> list[State]:  # noqa: A001
    """Return the accepted states of a flow run, oldest first."""
    return finding.list_flow_run_states(tx, request.flow_run_id)
