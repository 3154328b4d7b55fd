"""Tells of objects that were made, changed or deleted, in the transaction that did it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from legato._control.ids import new_id
from legato._model.object_events import Happened
from legato._store import events
from legato._store.port import Transaction


def tell(tx: Transaction, now: datetime, several: Iterable[Happened]) -> None:
    """Write the events of what happened, in its order.

    It comes last in a transaction: places in the log are drawn when all rows are locked.
    """
    events.record(tx, now, [one.event(new_id(now), now) for one in several])
