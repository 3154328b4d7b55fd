"""Cached results that this process has read; they hold until anybody commits anything.

A hit that is known here costs a look at SQLite's counter of commits, a fifth of what a read does.
"""

from __future__ import annotations

from datetime import datetime

from legato._model.results import Result

KNOWN = 1000
LARGEST_BYTES = 4096


class CachedResults:
    """Results by cache key, each with what `changes()` said before it was read."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, Result]] = {}

    def find(self, cache_key: str, changes: object, now: datetime) -> Result | None:
        """Return a result that was read since the last commit and has not expired."""
        known = self._known.get(cache_key)
        if known is None or known[0] != changes:
            return None
        expires = known[1].expires_at
        return known[1] if expires is None or expires > now else None

    def note(self, cache_key: str, changes: object, found: Result) -> None:
        """Remember what was read after `changes` was looked at."""
        if found.body is not None and len(found.body) > LARGEST_BYTES:
            return
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[cache_key] = changes, found
