"""Which of several servers does what is to be done once: by a lease in the database they share."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from legato._control.duties import leadership
from legato._model.errors import StoreError
from legato._model.ports import Clock
from legato._store.port import Grade, Lane, Store

TTL = timedelta(seconds=15)
_MARGIN_SECONDS = 3.0
"""So long before another server may take the lead this one leaves off."""


class LeaseLeadership:
    """Leads while the lease is held, by this process's own clock; `holder` is the server's id."""

    every = TTL.total_seconds() / 3

    def __init__(self, store: Store, clock: Clock, holder: UUID) -> None:
        self._store, self._clock, self._holder = store, clock, holder
        self._until = float("-inf")

    def is_ours(self) -> bool:
        return time.monotonic() < self._until

    def renew(self) -> None:
        asked = time.monotonic()
        had = self._store.run(
            lambda tx: leadership.take(tx, self._clock.now(), self._holder, TTL),
            Lane.LEASES,
            Grade.PLAIN,
        )
        until = asked + TTL.total_seconds() - _MARGIN_SECONDS
        self._until = until if had else float("-inf")

    def give_up(self) -> None:
        if self._until == float("-inf"):
            return
        self._until = float("-inf")
        with suppress(StoreError):  # then it runs out by itself
            self._store.run(
                lambda tx: leadership.give_up(tx, self._holder), Lane.LEASES, Grade.PLAIN
            )
