"""Each look for a cached result is recorded with what made its key: that explains hits and misses.

A task run that keeps no result does not look, and records nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

from legato._model.cache_lookups import CacheLookup, CacheOutcome
from legato._model.records import CacheLookedUp

if TYPE_CHECKING:
    from legato._sdk.cache_keys import CacheKey
    from legato._sdk.task_execution import TaskExecution

# Two parts are only compared: half of a hash tells them apart, and code has hundreds of parts.
_DIGITS = 32
_LONGEST = 200


def note(
    run: TaskExecution,
    outcome: CacheOutcome,
    key: CacheKey | None = None,
    *,
    problem: str | None = None,
) -> None:
    """Record how a look for the result of `run` ended; at a hit it takes `run.cached_id`."""
    context, task = run.context, run.task
    lookup = CacheLookup(
        task_run_id=context.id,
        step_name=task.step_name,
        at=run.backend.clock.now(),
        outcome=outcome,
        problem=problem,
    )
    if key is not None and key.key is not None:
        lookup.cache_key, lookup.parts = key.key, short(key.parts)
        lookup.expiration = task.cache_expiration
        # the result that this run makes has the id of the run: see `results.put`
        lookup.result_id = run.cached_id or context.id
    again = context.progress.run_count > 1
    run.backend.journal.append(CacheLookedUp(run.epoch, run.flow_run_id, lookup, again))


def passed_over(run: TaskExecution, key: CacheKey) -> None:
    """Record that nobody looked: there is no key, or the cache is to be refreshed."""
    note(run, "no key" if key.key is None else "refreshed", key, problem=key.problem)


def short(parts: Mapping[str, str]) -> dict[str, str]:
    """Return parts of a key in little space; what differed differs still."""
    return {name: _short(part) for name, part in parts.items()}


def _short(part: str) -> str:
    if len(part) == _DIGITS:
        return part[: _DIGITS // 2]
    if len(part) <= _LONGEST:
        return part
    return blake2b(part.encode("utf-8", "backslashreplace"), digest_size=_DIGITS // 4).hexdigest()
