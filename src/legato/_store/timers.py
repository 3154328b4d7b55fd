"""Rows of timers: set with the state of a run, and taken away when they were fired."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from legato._model.timers import DueTimer, Timer
from legato._store import decode
from legato._store.dialect import micros
from legato._store.port import DEFAULT_WORKSPACE, Transaction
from legato._store.standing import at


def row(tx: Transaction, run_id: UUID, version: int, timer: Timer) -> tuple[Any, ...]:
    """Return the row of a timer; setting it again changes nothing."""
    timer_id = uuid5(run_id, f"{timer.kind} {version}")
    return (
        tx.uid(timer_id), DEFAULT_WORKSPACE, micros(timer.due_at), timer.kind, tx.uid(run_id),
        version,
    )  # fmt: skip


def list_due(tx: Transaction, kind: str, before: datetime, limit: int) -> list[DueTimer]:
    """Return timers whose time has come, the oldest first."""
    rows = tx.rows("timer.list_due", {"kind": kind, "before": before, "limit": limit})
    return [
        DueTimer(decode.uid(id_), kind_, decode.uid(subject), version, at(due_at))
        for id_, kind_, subject, version, due_at in rows
    ]


def delete(tx: Transaction, ids: Iterable[UUID]) -> int:
    """Take timers away; return how many were there."""
    return tx.run("timer.delete", {"ids": sorted(set(ids))})
