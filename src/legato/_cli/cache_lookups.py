"""Why a task run hit or missed the cache, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from legato._cli import times
from legato._cli.tables import printable
from legato._model.cache_lookups import NOT_COVERED, CacheExplanation, CacheLookup
from legato._model.errors import ObjectNotFound
from legato._model.operations.cache_lookups import ExplainCacheLookup
from legato._sdk.client.sending import send

if TYPE_CHECKING:
    from legato._sdk.client.sync import SyncClient

SHOWN = 12


def read(task_run_id: UUID) -> CacheExplanation | None:
    """Return why a run hit or missed; None: it did not look."""
    found: CacheExplanation | None = send(ExplainCacheLookup(task_run_id=task_run_id))
    return found


def plain(found: CacheExplanation | None) -> dict[str, Any] | None:
    """Return it as JSON values: the look-up with what it was compared with."""
    if found is None:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(found)
    lookup: dict[str, Any] = dict.fromkeys(CacheLookup.__struct_fields__)
    return {**lookup, **fields.pop("lookup"), **fields}


def lines(client: SyncClient, found: CacheExplanation) -> Iterator[tuple[str, str]]:
    """Return titles and texts for people."""
    lookup = found.lookup
    yield "Cache", printable(_why(client, found))
    yield "Cache key", printable(lookup.cache_key or "")
    notes = [name for name in lookup.parts if name.startswith(NOT_COVERED)]
    yield "Not covered", printable(_list([name.removeprefix(NOT_COVERED) for name in notes]))


def _why(client: SyncClient, found: CacheExplanation) -> str:
    lookup = found.lookup
    if lookup.outcome == "hit":
        made = f", made {times.moment(found.made_at)}" if found.made_at is not None else ""
        return f"hit: result of {_run(client, found.made_by)}{made}"
    if lookup.outcome == "no key":
        return f"no key: {lookup.problem or 'the cache policy gave none'}"
    if lookup.outcome == "refreshed":
        return "not looked up: the cache was to be refreshed (refresh_cache, TASKS_REFRESH_CACHE)"
    if lookup.outcome == "unreadable":
        return f"missed: the result could not be loaded: {lookup.problem}"
    return f"missed: {_missed(client, found)}"


def _missed(client: SyncClient, found: CacheExplanation) -> str:
    if found.expired_at is not None:
        maker = _run(client, found.made_by)
        return f"the result of {maker} expired {times.moment(found.expired_at)}"
    if found.compared_with is None:
        return "the first run of this task under a key"
    other = _run(client, found.compared_with)
    if found.differing:
        return f"what differs from {other}: {_list(found.differing)}"
    return f"{other} had the same key, but left no result that could be taken"


def _run(client: SyncClient, run_id: UUID | None) -> str:
    """Name a task run and its flow run; either may be deleted."""
    if run_id is None:
        return "another run"
    try:
        run = client.read_task_run(run_id)
        name = f"{run.name} ({run_id})"
        if run.flow_run_id is not None:
            name += f" of flow run {client.read_flow_run(run.flow_run_id).name}"
    except ObjectNotFound:
        return "a run that was deleted, or is recorded elsewhere"
    return name


def _list(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
