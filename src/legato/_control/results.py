"""Stored results."""

from __future__ import annotations

from datetime import datetime

from legato._model.errors import ObjectNotFound
from legato._model.operations.results import FindCached, ReadResult
from legato._model.results import Result
from legato._store import results
from legato._store.port import Transaction


def read(tx: Transaction, now: datetime, request: ReadResult) -> Result:
    """Return a result; raise ObjectNotFound."""
    found = results.find(tx, request.result_id)
    if found is None:
        raise ObjectNotFound(f"There is no result {request.result_id}.")
    return found


def find_cached(tx: Transaction, now: datetime, request: FindCached) -> Result | None:
    """Return the result that stands for a cache key."""
    return results.find_cached(tx, now, request.cache_key)
