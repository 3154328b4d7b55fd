"""Task runs that were called outside of flows go long after their end.

One that called a flow waits until that flow run has gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from legato._store import old_task_runs
from legato._store.old_task_runs import FIRST, Expected
from legato._store.port import Grade, Lane, Store

BATCH = 500
"""Of so many task runs the deletion holds up other writers for some milliseconds only."""


def prune(store: Store, before: datetime) -> Iterator[int]:
    """Delete task runs; yield after each transaction how many went."""
    for found in _pages(store, before):
        op = partial(old_task_runs.delete, ids=[run.id for run in found], before=before)
        yield store.run(op, Lane.PRUNING, Grade.PLAIN) if found else 0


def count(store: Store, before: datetime) -> Iterator[int]:
    """Yield how many task runs `prune` would remove, some at a time."""
    for found in _pages(store, before):
        yield len(found)


def _pages(store: Store, before: datetime) -> Iterator[list[Expected]]:
    after, more = FIRST, True
    while more:
        op = partial(old_task_runs.list_expected, after=after, before=before, limit=BATCH)
        found = store.read(op)
        yield [run for run in found if run.goes]
        more = len(found) == BATCH
        after = found[-1] if found else after
