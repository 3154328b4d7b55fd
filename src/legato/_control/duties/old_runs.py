"""Flow runs that ended long ago go, each with all below it, leaves first and piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from uuid import UUID

from legato._store import pieces, trees
from legato._store.dialect import micros
from legato._store.port import Grade, Lane, Store, Transaction
from legato._store.trees import FIRST, Called, Ended

BATCH = 50
"""So many runs are looked at, or deleted, at once."""
ROOM = 400
"""Of so many rows the deletion holds up other writers for some milliseconds only."""
_CALLERS = 500


def prune(store: Store, before: datetime) -> Iterator[int]:
    """Delete what has ended; yield after each transaction how many flow runs it removed."""
    for root in _list_ended(store, before):
        tree = _leaves_first(store, root, before)
        if not tree:
            yield 0  # whoever is to end need not look at all that stays
        while tree:
            some = tree[:BATCH]
            op = partial(_delete, ids=some, before=before)
            left = store.run(op, Lane.PRUNING, Grade.PLAIN)
            if left is None:
                break
            del tree[: len(some) - len(left)]
            yield len(some) - len(left)


def count(store: Store, before: datetime) -> Iterator[int]:
    """Yield how many flow runs `prune` would remove, tree by tree."""
    for root in _list_ended(store, before):
        yield len(_leaves_first(store, root, before))


def _list_ended(store: Store, before: datetime) -> Iterator[Ended]:
    after, more = FIRST, True
    while more:
        found = store.read(partial(trees.list_ended, after=after, before=before, limit=BATCH))
        yield from found
        more = len(found) == BATCH
        after = found[-1] if found else after


def _leaves_first(store: Store, root: Ended, before: datetime) -> list[UUID]:
    """Return a run and all below it, callers behind what they called; none if it has to stay.

    It stays if some of that goes on or ended later.
    """
    tree, called = [root.id], [root.id]
    while called:
        found: list[Called] = []
        for place in range(0, len(called), _CALLERS):
            some = called[place : place + _CALLERS]
            found += store.read(partial(trees.list_called, run_ids=some))
        if any(run.end_at == 0 or run.end_at >= micros(before) for run in found):
            return []
        called = [run.id for run in found]
        tree += called
    tree.reverse()
    return tree


def _delete(tx: Transaction, ids: list[UUID], before: datetime) -> list[UUID] | None:
    """Delete runs as far as there is room and return those left; None: one goes on again.

    They are looked at once more here, as they may have been resumed since they were listed.
    """
    if not trees.are_over(tx, ids, before):
        return None
    if any(run.id not in ids for run in trees.list_called(tx, ids)):
        return None  # a late record told of one more
    return pieces.delete_runs(tx, ids, ROOM)
