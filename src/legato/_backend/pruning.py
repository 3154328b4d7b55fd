"""What nothing needs any more goes: expired cache entries, and results that nothing names.

A little at a time, from any process that records, when the home was not pruned for an hour.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from legato._store.port import Grade, Lane

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from legato._settings.home import Home
    from legato._store.port import Store

BUDGET_SECONDS = 0.05


def mark(home: Home) -> None:
    """Note that the home has just been pruned."""
    with suppress(OSError):
        os.close(os.open(home.pruned, os.O_WRONLY | os.O_CREAT, 0o600))
        os.utime(home.pruned)


def prune(
    store: Store, home: Home, now: datetime, budget_seconds: float = BUDGET_SECONDS
) -> tuple[int, bool]:
    """Remove what is over; return how much that was, and whether nothing is left to be removed.

    Objects go before the rows that name them: whoever dies between leaves a row that the next
    pruning finds.
    """
    from legato._control import results

    end = time.monotonic() + budget_seconds
    removed = 0
    while True:
        pruned = store.run(lambda tx: results.prune(tx, now), Lane.PRUNING, Grade.PLAIN)
        _remove(home, pruned.objects)
        ids = [result_id for result_id, _ in pruned.objects]
        if ids:
            store.run(partial(results.forget, ids=ids), Lane.PRUNING, Grade.PLAIN)
        removed += pruned.gone + len(ids)
        if not pruned.more:
            mark(home)
            return removed, True
        if time.monotonic() > end:  # the rest when somebody looks next
            return removed, False


def _remove(home: Home, objects: list[tuple[UUID, str]]) -> None:
    """Remove objects in the folder of the home that belong to one result only.

    What the user gave a name or a place is the user's; another result may lie there by now.
    """
    folder = os.path.realpath(home.storage()) if objects else ""
    for result_id, location in objects:
        where, name = os.path.split(location)
        if name == result_id.hex and os.path.realpath(where) == folder:
            with suppress(OSError):
                os.unlink(location)
