"""Keeps the leases of slots alive that this process holds, on one thread of its own.

On the machine of its holder a lease ends with the process, however late it is renewed. The
renewal tells those who cannot see the process, as in another container on the same home.
"""

from __future__ import annotations

import atexit
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from legato._journal import forks
from legato._model.errors import StoreError
from legato._model.operations.slots import ReleaseSlots, RenewSlots

if TYPE_CHECKING:
    from legato._backend.port import Backend

SHARE = 0.75  # of its time, after which a lease is renewed
AGAIN_SECONDS = 1.0
LAST_SECONDS = 2.0
"""For how long the end of a process tries to release what it could not: others may wait for it."""
LAST_TICK = 0.05


class _Hold(Struct):
    backend: Any
    grant_id: UUID
    seconds: float
    due: float
    names: list[str]
    released: bool = False
    lost: bool = False


class Keeper:
    """The leases of this process."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._holds: dict[UUID, _Hold] = {}
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._has_exit = False

    def keep(self, backend: Backend, grant_id: UUID, seconds: float, names: list[str]) -> None:
        """Renew a lease until it is dropped."""
        due = time.monotonic() + seconds * SHARE
        self._add(_Hold(backend, grant_id, seconds, due, names))

    def drop(self, grant_id: UUID) -> bool:
        """Renew a lease no longer; tell whether it was never lost."""
        with self._change:
            hold = self._holds.pop(grant_id, None)
        return hold is None or not hold.lost

    def release_later(self, backend: Backend, grant_id: UUID) -> None:
        """Release what could not be released, at the latest as the process ends."""
        if not self._has_exit:
            self._has_exit = True
            atexit.register(self.release_rest)
        due = time.monotonic() + AGAIN_SECONDS
        self._add(_Hold(backend, grant_id, 0.0, due, [], released=True))

    def release_rest(self) -> None:
        """Release what could not be released before, within about `LAST_SECONDS`."""
        end = time.monotonic() + LAST_SECONDS
        while rest := [hold for hold in list(self._holds.values()) if hold.released]:
            for hold in rest:
                self._see_to(hold)
            if time.monotonic() >= end:
                return
            time.sleep(LAST_TICK)

    def _add(self, hold: _Hold) -> None:
        with self._change:
            self._holds[hold.grant_id] = hold
            if self._thread is None:
                _follow_forks()
                self._thread = threading.Thread(target=self._run, name="legato-keeper", daemon=True)
                self._thread.start()
            elif hold.due < time.monotonic() + AGAIN_SECONDS:
                self._change.notify()

    def _run(self) -> None:
        while True:
            with self._change:
                dues = [hold.due for hold in self._holds.values()]
                left = min(dues, default=time.monotonic() + 3600) - time.monotonic()
                if left > 0:
                    # a lease that is due earlier than all others is looked at within a second
                    self._change.wait(min(left, AGAIN_SECONDS) if dues else None)
                due = [h for h in self._holds.values() if h.due <= time.monotonic()]
            for hold in due:
                self._see_to(hold)

    def _see_to(self, hold: _Hold) -> None:
        try:
            if hold.released:
                hold.backend.send(ReleaseSlots(grant_id=hold.grant_id))
                self.drop(hold.grant_id)
                return
            request = RenewSlots(grant_id=hold.grant_id, lease_duration=hold.seconds)
            hold.lost = hold.lost or not hold.backend.send(request)
        except StoreError:
            hold.due = time.monotonic() + AGAIN_SECONDS
            return
        hold.due = time.monotonic() + hold.seconds * SHARE

    def before_fork(self) -> None: ...

    def after_in_parent(self) -> None: ...

    def after_in_child(self) -> None:
        """Start anew: what is held is the parent's."""
        self._begin()


_followed = False


def _follow_forks() -> None:
    global _followed  # noqa: PLW0603 - once a process and its children
    if not _followed:
        _followed = True
        forks.follow(keeper)


keeper = Keeper()
