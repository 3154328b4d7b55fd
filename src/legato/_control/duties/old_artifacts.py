"""Artifacts that nobody made or changed for long go, but for the latest of each key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from legato._store import old_artifacts
from legato._store.old_artifacts import FIRST, Made
from legato._store.port import Grade, Lane, Store

BATCH = 200
"""Of so many artifacts the deletion holds up other writers for some milliseconds only."""


def prune(store: Store, before: datetime) -> Iterator[int]:
    """Delete artifacts; yield after each transaction how many went."""
    for found in _pages(store, before):
        op = partial(old_artifacts.delete, ids=[made.id for made in found], before=before)
        yield store.run(op, Lane.PRUNING, Grade.PLAIN)


def count(store: Store, before: datetime) -> Iterator[int]:
    """Yield how many artifacts `prune` would remove, some at a time."""
    for found in _pages(store, before):
        yield len(found)


def _pages(store: Store, before: datetime) -> Iterator[list[Made]]:
    after, more = FIRST, True
    while more:
        op = partial(old_artifacts.list_old, after=after, before=before, limit=BATCH)
        found = store.read(op)
        yield [made for made in found if made.goes]
        more = len(found) == BATCH
        after = found[-1] if found else after
