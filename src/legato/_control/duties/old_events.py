"""Events that clients told of long ago go, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from legato._store import events
from legato._store.port import Grade, Lane, Store

BATCH = 1_000
"""Of so many events the deletion holds up other writers for some milliseconds only."""
_COUNTED = 10_000


def prune(store: Store, before: datetime) -> Iterator[int]:
    """Delete what came before a time; yield after each transaction how many went.

    Transitions, of which events are made, are deleted with their runs.
    """
    gone = BATCH
    while gone == BATCH:
        op = partial(events.prune, before=before, limit=BATCH)
        gone = store.run(op, Lane.PRUNING, Grade.PLAIN)
        yield gone


def count(store: Store, before: datetime) -> Iterator[int]:
    """Yield how many events `prune` would remove, some at a time."""
    found, after = _COUNTED, 0
    while found == _COUNTED:
        op = partial(events.count_before, after=after, before=before, limit=_COUNTED)
        found, after = store.read(op)
        yield found
