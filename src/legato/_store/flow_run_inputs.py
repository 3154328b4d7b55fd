"""What is sent to flow runs: rows by key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from legato._model.operations.flow_run_inputs import SentInput
from legato._store import decode, encode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at


def create(
    tx: Transaction, now: datetime, flow_run_id: UUID, key: str, value: str, sender: str | None
) -> bool:
    """Keep an input; False if there is one of that key."""
    row = (
        tx.uid(uuid4()), DEFAULT_WORKSPACE, tx.uid(flow_run_id), encode.text(key),
        encode.text(value), tx.null if sender is None else encode.text(sender), micros(now),
    )  # fmt: skip
    return tx.run_many("flow_run_input.create", [row]) == 1


def find(tx: Transaction, flow_run_id: UUID, key: str) -> SentInput | None:
    """Return the input of that key."""
    params = {"flow_run_id": flow_run_id, "key": encode.text(key)}
    rows = tx.rows("flow_run_input.read", params)
    return _of_row(rows[0]) if rows else None


def list_of(tx: Transaction, flow_run_id: UUID) -> list[SentInput]:
    """Return all inputs of a flow run, oldest first."""
    rows = tx.rows("flow_run_input.list", {"flow_run_id": flow_run_id})
    return [_of_row(row) for row in rows]


def delete(tx: Transaction, flow_run_id: UUID, key: str) -> bool:
    """Delete the input of that key; tell whether there was one."""
    params = {"flow_run_id": flow_run_id, "key": encode.text(key)}
    return tx.run("flow_run_input.delete", params) > 0


def _of_row(row: tuple[Any, ...]) -> SentInput:
    id_, flow_run_id, key, value, sender, created = row
    return SentInput(
        id=decode.uid(id_),
        created=at(created),
        updated=at(created),
        flow_run_id=decode.uid(flow_run_id),
        key=key,
        value=value,
        sender=sender,
    )
