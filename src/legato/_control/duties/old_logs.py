"""Log lines of days long ago go before their runs, in the order in which they came.

What tells where in the ordered log they came goes with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from legato._store import old_logs
from legato._store.old_logs import Arrival
from legato._store.port import Grade, Lane, Store

BATCH = 200
"""Of so many arrivals, each of some lines, the deletion holds up others for some milliseconds."""
_PATIENCE = 10
"""So many batches without an old line end a round: clocks of some processes may be ahead."""


def prune(store: Store, before: datetime) -> Iterator[int]:
    """Delete lines of whole days before a time; yield after each transaction how many went."""
    for old in _old(store, before):
        op = partial(old_logs.delete, arrivals=old)
        yield store.run(op, Lane.PRUNING, Grade.PLAIN) if old else 0


def count(store: Store, before: datetime) -> Iterator[int]:
    """Yield how many lines `prune` would remove, some at a time."""
    for old in _old(store, before):
        yield store.read(partial(old_logs.count, arrivals=old))


def _old(store: Store, before: datetime) -> Iterator[list[Arrival]]:
    after, patience, more = 0, _PATIENCE, True
    while more and patience:
        found = store.read(partial(old_logs.list_arrivals, after=after, limit=BATCH))
        old = [arrival for arrival in found if old_logs.is_old(arrival, before)]
        yield old
        patience = _PATIENCE if old else patience - 1
        more = len(found) >= BATCH
        after = found[-1].position if found else after
