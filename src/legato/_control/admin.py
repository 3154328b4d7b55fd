"""Operations on the backend itself."""

from __future__ import annotations

from datetime import datetime

from legato._model.operations.admin import Hello
from legato._store.port import Transaction


def hello(tx: Transaction, now: datetime, request: Hello) -> str:
    """Return a greeting, after a look into the database."""
    tx.rows("meta.read", {})
    return "👋"
