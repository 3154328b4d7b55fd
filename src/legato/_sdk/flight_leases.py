"""Keys among all processes that record through one server: the server says who has which.

It frees a key when it stores the result, in the same transaction, or when the process is gone.
While it cannot be asked, each process makes the result for itself.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from legato._model.errors import Error
from legato._model.flights import Flight
from legato._model.operations.flights import EndFlight, MarkFlight, TakeFlight

if TYPE_CHECKING:
    from legato._backend.port import Backend, Watch

_FREE = Flight(is_made=True)


class LeaseOfKey:
    """A key of the cache of a server; taken by at most one run of a process at a time."""

    def __init__(self, backend: Backend, key: str) -> None:
        self._backend, self._key, self._id = backend, key, backend.ids.new()
        self._last: Flight | None = None
        self._watch: Watch | None = None
        self._seen: object = None

    def take(self, *, refresh: bool = False) -> bool:
        """Take the key, or find that its result is there; False: another process makes it.

        Who was told so asks again only when something has changed.
        """
        if _is_settled(self._last):
            return True
        if self._watch is not None:
            seen = self._watch.look()
            if seen == self._seen:
                return False
            self._seen = seen
        else:  # by its runs a server sees that a process lives
            self._backend.journal.flush()
        found = self._ask(refresh)
        if not _is_settled(found) and self._watch is None:
            self._watch = self._backend.watch(self._key)
            self._seen = self._watch.look()
            found = self._ask(refresh)  # it may have become free before anybody watched
        return _is_settled(found)

    def _ask(self, refresh: bool = False) -> Flight:
        try:
            found: Flight = self._backend.send(
                TakeFlight(
                    flight_id=self._id,
                    cache_key=self._key,
                    writer_id=self._backend.identity().id,
                    refresh=refresh,
                )
            )
        except Error:
            found = _FREE
        self._last = found
        return found

    def is_other_waiting(self) -> bool:
        """Tell whether who holds the key in another process waits for one itself."""
        return self._ask().waits

    def mark(self) -> None:
        """Be seen to wait, by other processes too."""
        self._say(waits=True)

    def unmark(self) -> None:
        """Be seen to go on."""
        self._say(waits=False)

    def _say(self, *, waits: bool) -> None:
        if self._is_ours:
            self._send(MarkFlight(flight_id=self._id, cache_key=self._key, waits=waits))

    def free(self) -> None:
        """Let other processes have the key."""
        if self._is_ours:
            self._last = None
            self._send(EndFlight(flight_id=self._id, cache_key=self._key))

    def land(self) -> None:
        """Be free: the server freed the key when it stored the result."""
        self._last = None

    def close(self) -> None:
        """Wait for the key no longer."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    @property
    def _is_ours(self) -> bool:
        return self._last is not None and self._last.is_ours

    def _send(self, operation: Any) -> None:
        with suppress(Error):  # nobody waits for longer than a minute
            self._backend.send(operation)


def _is_settled(found: Flight | None) -> bool:
    """Tell whether nobody need be waited for."""
    return found is not None and (found.is_ours or found.is_made)
