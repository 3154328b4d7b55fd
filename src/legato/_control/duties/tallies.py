"""Counts of ended runs by spans of time are kept for what is over (`_store/tallies.py`)."""

from __future__ import annotations

from datetime import datetime

from legato._store import tallies
from legato._store.port import Lane, Store
from legato._store.tallies import NOUNS

__all__ = ["NOUNS", "keep"]


def keep(store: Store, noun: tallies.Noun, now: datetime) -> bool:
    """Announce spans that are over and count some of those announced; tell whether there are more.

    They are counted on a snapshot, so no writer waits for it.
    """
    missing = store.read(lambda tx: tallies.list_missing(tx, noun, now))
    if missing:
        store.run(lambda tx: tallies.announce(tx, noun, missing, now), Lane.PRUNING)
    due = store.read(lambda tx: tallies.list_due(tx, noun, now))
    if due:
        counts = store.read(lambda tx: tallies.count(tx, due))
        store.run(lambda tx: tallies.fill(tx, due, counts), Lane.PRUNING)
    return bool(due) or len(missing) == tallies.AT_ONCE
