"""Task runs over time."""

from __future__ import annotations

from datetime import datetime

from legato._control import histories
from legato._model.operations.histories import HistoryInterval, TaskRunHistory
from legato._store.port import Transaction


def history(tx: Transaction, now: datetime, request: TaskRunHistory) -> list[HistoryInterval]:
    """Count task runs over time, by the states that they are in now."""
    return histories.intervals(tx, now, request)
