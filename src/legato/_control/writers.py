"""Processes that write: how far each has come, and what it leaves as it ends."""

from __future__ import annotations

from datetime import datetime

from legato._control import attempts
from legato._model.operations.writers import CloseRest, ReadWriter
from legato._store import writers
from legato._store.port import Transaction


def read(tx: Transaction, now: datetime, request: ReadWriter) -> int:
    """Return the number of the last record that was taken of a writer."""
    return writers.look(tx, request.writer_id) or 0


def close_rest(tx: Transaction, now: datetime, request: CloseRest) -> None:
    """Close what threads still do for a flow run that has ended."""
    attempts.close_rest(tx, now, request.flow_run_id, request.message)
