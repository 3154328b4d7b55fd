"""Flows: found by name, made, deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from legato._store import decode, encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.sql import Sql

_NAMES = UUID("4e6b5a2c-61d5-5b0e-9f2e-6c656761746f")


def find(tx: Transaction, name: str) -> UUID | None:
    """Return the id of the flow of that name."""
    rows = tx.rows("flow.find", {"ws": DEFAULT_WORKSPACE, "name": encode.text(name)})
    return decode.uid(rows[0][0]) if rows else None


def find_or_create(
    tx: Transaction,
    now: datetime,
    name: str,
    flow_id: UUID | None,
    tags: list[str],
    labels: dict[str, Any] | None = None,
) -> tuple[UUID, bool]:
    """Return the flow's id, which is `flow_id` or made from the name, and whether it is new."""
    found = find(tx, name)
    if found is not None:
        return found, False
    new = flow_id or uuid5(_NAMES, encode.text(name))
    at, null = micros(now), tx.null
    encoded = encode.bare(tags) if tags else null
    marks = encode.json(labels, "labels") if labels else null
    row = (tx.uid(new), at, at, encode.text(name), encoded, marks, DEFAULT_WORKSPACE)
    made = tx.run_many("flow.create", [row])
    return find(tx, name) or new, bool(made)


def retag(tx: Transaction, now: datetime, flow_id: UUID, tags: list[str]) -> None:
    """Give a flow other tags."""
    encoded = encode.bare(tags) if tags else None
    head = Sql("UPDATE flow SET tags = ?, updated_at = ?", (encoded, micros(now)))
    tx.execute(head.then(Sql("WHERE flow.id = ?", (flow_id,))))


def list_runs(tx: Transaction, flow_id: UUID) -> list[UUID]:
    """Return the runs of a flow."""
    rows = tx.rows("flow_run.list_of_flow", {"ws": DEFAULT_WORKSPACE, "flow_id": flow_id})
    return [decode.uid(row[0]) for row in rows]


def delete(tx: Transaction, flow_id: UUID) -> None:
    """Delete the row of a flow, which has no runs any more."""
    tx.run("flow.delete", {"id": flow_id})
