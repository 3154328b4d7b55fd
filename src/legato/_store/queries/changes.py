"""Changes of a run that are no transitions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from sqlalchemy import delete, insert, update

from legato._model.flow_runs import FlowRunUpdate
from legato._store import encode, schema
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction

_TEXTS = ("name", "flow_version", "infrastructure_pid")
_JSON = {
    "parameters": "parameters",
    "empirical_policy": "policy",
    "tags": "tags",
    "labels": "labels",
    "job_variables": "job_variables",
}


def update_flow_run(tx: Transaction, now: datetime, run_id: UUID, given: FlowRunUpdate) -> bool:
    """Change what is set in `given`; return whether there is such a run."""
    values: dict[str, Any] = {"updated_at": micros(now)}
    for name in _TEXTS:
        value = getattr(given, name)
        if value is not UNSET:
            values[name] = None if value is None else encode.text(value)
    for name, column in _JSON.items():
        value = getattr(given, name)
        if value is not UNSET:
            values[column] = None if value is None else encode.json(value, name)
    table = schema.flow_run
    if not tx.execute(update(table).where(table.c.id == run_id).values(values)):
        return False
    if given.tags is not UNSET:
        _retag(tx, run_id, given.tags)
    return True


def _retag(tx: Transaction, run_id: UUID, tags: list[str]) -> None:
    table = schema.flow_run_tag
    tx.execute(delete(table).where(table.c.run_id == run_id))
    for tag in dict.fromkeys(map(encode.text, tags)):
        tx.execute(insert(table).values(ws=DEFAULT_WORKSPACE, tag=tag, run_id=run_id))
