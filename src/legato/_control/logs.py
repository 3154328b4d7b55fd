"""Log lines of runs."""

from __future__ import annotations

from datetime import datetime

from legato._model.logs import Log
from legato._model.operations.logs import FilterLogs
from legato._store.port import Transaction
from legato._store.queries import lists


def filter(tx: Transaction, now: datetime, request: FilterLogs) -> list[Log]:  # noqa: A001
    """List log lines."""
    return lists.logs(tx, request)
