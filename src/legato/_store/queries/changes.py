"""Changes of a run that are no transitions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from msgspec import UNSET

from legato._model.flow_runs import FlowRunUpdate
from legato._store import encode, sql
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql

_TEXTS: tuple[LiteralString, ...] = ("name", "flow_version", "infrastructure_pid")
_JSON: dict[LiteralString, LiteralString] = {
    "parameters": "parameters",
    "empirical_policy": "policy",
    "tags": "tags",
    "labels": "labels",
    "job_variables": "job_variables",
}


def update_flow_run(tx: Transaction, now: datetime, run_id: UUID, given: FlowRunUpdate) -> bool:
    """Change what is set in `given`; return whether there is such a run."""
    values: dict[LiteralString, Any] = {"updated_at": micros(now)}
    for name in _TEXTS:
        value = getattr(given, name)
        if value is not UNSET:
            values[name] = None if value is None else encode.text(value)
    for name, column in _JSON.items():
        value = getattr(given, name)
        if value is not UNSET:
            values[column] = None if value is None else encode.json(value, name)
    changes = sql.joined(", ", [Sql(f"{column} = ?", (v,)) for column, v in values.items()])
    whose = Sql("WHERE flow_run.id = ?", (run_id,))
    if not tx.execute(Sql("UPDATE flow_run SET").then(changes, whose)):
        return False
    if given.tags is not UNSET:
        _retag(tx, run_id, given.tags)
    return True


def _retag(tx: Transaction, run_id: UUID, tags: list[str]) -> None:
    tx.run("flow_run_tag.delete_of_flow_runs", {"ids": [run_id]})
    rows = [
        [DEFAULT_WORKSPACE, tag, tx.uid(run_id)] for tag in dict.fromkeys(map(encode.text, tags))
    ]
    tx.run_many("flow_run_tag.create", rows)
