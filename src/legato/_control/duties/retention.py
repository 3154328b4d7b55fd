"""Flow runs that ended long ago go, each with all below it."""

from __future__ import annotations

from datetime import datetime

from legato._store import trees
from legato._store.port import Transaction
from legato._store.trees import FIRST, Ended

__all__ = ["BATCH", "FIRST", "Ended", "list_ended", "prune"]

BATCH = 50


def list_ended(tx: Transaction, after: Ended, before: datetime) -> list[Ended]:
    """Return the next runs that may have to go, the oldest first."""
    return trees.list_ended(tx, after, before, BATCH)


def prune(tx: Transaction, run: Ended, before: datetime) -> int:
    """Delete a run with all below it, unless some of that goes on or ended later; return how many.

    It is looked at once more here, as it may have been resumed since it was listed.
    """
    return trees.delete(tx, run.id) if trees.is_over(tx, run.id, before) else 0
