"""What is deleted by hand, outside of retention."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, select

from legato._store import decode, schema
from legato._store.port import Transaction


def flow_runs_of(tx: Transaction, flow_id: UUID) -> list[UUID]:
    """Return the runs of a flow."""
    run = schema.flow_run
    rows = tx.select(select(run.c.id).where(run.c.flow_id == flow_id))
    return [decode.uid(row[0]) for row in rows]


def delete_flow(tx: Transaction, flow_id: UUID) -> None:
    """Delete the row of a flow."""
    tx.execute(delete(schema.flow).where(schema.flow.c.id == flow_id))
