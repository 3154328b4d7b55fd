"""Log lines of runs."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from legato._model.errors import InvalidRequest
from legato._model.logs import Log
from legato._model.operations.logs import CreateLogs, FilterLogs
from legato._store.logs import Logs
from legato._store.port import Transaction


def create(tx: Transaction, now: datetime, request: CreateLogs) -> None:
    """Store lines that no journal brought; each request counts as a writer of its own."""
    logs = Logs(tx, tx.uid(uuid4()))
    try:
        for seq, line in enumerate(request.logs, 1):
            logs.add(seq, line)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"logs: {error}.") from error
    logs.flush(tx.positions(logs.places))


def filter(tx: Transaction, now: datetime, request: FilterLogs) -> list[Log]:  # noqa: A001
    """List log lines."""
    from legato._store.queries import lists

    return lists.logs(tx, request)
