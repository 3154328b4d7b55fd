"""Why task runs hit or missed the cache."""

from __future__ import annotations

from datetime import datetime

from legato._model.cache_lookups import CacheExplanation, explained
from legato._model.operations.cache_lookups import ExplainCacheLookup
from legato._store import cache_lookups, results
from legato._store.port import Transaction


def explain(tx: Transaction, now: datetime, request: ExplainCacheLookup) -> CacheExplanation | None:
    """Compare a look-up with those before it."""
    lookup = cache_lookups.find(tx, request.task_run_id)
    if lookup is None:
        return None
    if lookup.outcome != "miss":
        found = explained(lookup, None, ())
        made = results.find(tx, found.made_by) if found.made_by is not None else None
        found.made_at = made.created_at if made is not None else None
        return found
    maker, earlier = cache_lookups.find_maker(tx, lookup), cache_lookups.list_earlier(tx, lookup)
    return explained(lookup, maker, earlier)
