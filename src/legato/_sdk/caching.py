"""Cached results of tasks: looked up by key before the call, entered under it behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from legato._engine.effects import Draft, Raised, Returned
from legato._engine.endings import describe
from legato._model.operations.results import FindCached
from legato._model.records import ResultCached, ResultKept
from legato._model.results import Result
from legato._sdk import cache_lookups, results, run_logs, stored_results
from legato._sdk.cache_keys import NO_KEY, cache_key
from legato._sdk.context import transacting
from legato._sdk.exceptions import HashError, StorageError

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.cache_places import Found, Place, Spot
    from legato._sdk.task_execution import TaskExecution

MANY = 1000
_entered: dict[str, ResultCached] = {}
"""Keys that this process has entered: they may still wait in the journal."""


def look_up(run: TaskExecution) -> Returned | Raised | None:
    """Return the cached result of a call; None: there is none, and `run.cache_key` says where."""
    task, context = run.task, run.context
    run.cache_key = run.cached_id = None
    if run.backend.is_dry or not task.keeps_result:
        return None
    flow = context.flow_run_context
    try:
        key = cache_key(task, context, context.parameters, flow.parameters if flow else {})
    except HashError as error:
        cache_lookups.note(run, "no key", problem=str(error))
        return Raised(error, "error")
    if key.problem is not None:
        run_logs.say(context, run_logs.WARNING, key.problem)
    run.cache_key = key.key
    if key.key is None or task.refreshes_cache:
        if key is not NO_KEY:
            cache_lookups.passed_over(run, key)
        return None
    try:
        taken = _take(run, key.key)
    except Exception as error:  # noqa: BLE001 - serializers and classes of the user, storages
        problem = describe(error)
        message = f"{context.name} is not taken from the cache: {problem}"
        run_logs.say(context, run_logs.WARNING, message)
        cache_lookups.note(run, "unreadable", key, problem=problem)
        return None
    cache_lookups.note(run, "miss" if taken is None else "hit", key)
    return taken


def _take(run: TaskExecution, key: str) -> Returned | None:
    """Return the value that is cached under a key; raise whatever keeps it from being had."""
    place = _place_of(run)
    if place is not None:
        return _take_from(place, run, key)
    found = _find(run.backend, key)
    if found is None:
        return None
    value: Any = stored_results.load(found)
    run.cached_id = found.id
    return Returned(value)


def _take_from(place: Place, run: TaskExecution, key: str) -> Returned | None:
    from legato._sdk.cache_places import Expired
    from legato._sdk.serializers import serializer_of

    try:
        found = place.find(key, run.backend.clock.now())
    except Expired:
        message = f"The cached result of {run.context.name} has expired: the task is run."
        run_logs.say(run.context, run_logs.INFO, message)
        return None
    if found is None:
        return None
    value = serializer_of(found.header.serializer).loads(found.payload)
    run.cached_id = _row_of(run.backend, key, found)
    return Returned(value)


def _row_of(backend: Backend, key: str, found: Found) -> UUID:
    """Return the id of the row for what lies in a storage, which another database may have."""
    header, digest = found.header, bytes.fromhex(found.header.sha256)
    known = _find(backend, key)
    if known is not None and (known.location, known.sha256) == (found.location, digest):
        return known.id
    row = Result(
        id=backend.ids.new(),
        flow_run_id=None,
        serializer=header.serializer,
        size=header.size,
        sha256=digest,
        created_at=header.created_at,
        location=found.location,
    )
    backend.journal.append(ResultKept(0, row))
    _record(backend, ResultCached(key, row.id, backend.clock.now(), header.expires_at))
    return row.id


def _find(backend: Backend, key: str) -> Result | None:
    """Return what stands for a key; only one that may wait in the journal costs a flush."""
    if key in _entered:
        _flush(backend)
    found: Result | None = backend.send(FindCached(cache_key=key))
    return found


def _record(backend: Backend, record: ResultCached) -> None:
    """Append to the journal; a look-up of the key sees it from now on."""
    backend.journal.append(record)
    if len(_entered) >= MANY:
        _flush(backend)
    _entered[record.cache_key] = record


def _flush(backend: Backend) -> None:
    known = dict(_entered)
    backend.journal.flush()
    for key, record in known.items():  # others enter keys meanwhile, these too
        if _entered.get(key) is record:
            _entered.pop(key, None)


def keep(run: TaskExecution, draft: Draft) -> UUID | None:
    """Store the result of a run, have it stand for its key, and return its id.

    Others take it from the cache once what encloses the run is committed.
    """
    task, context, key = run.task, run.context, run.cache_key
    if key is None:
        return results.keep(task, context, draft)
    now, lasts = run.backend.clock.now(), task.cache_expiration
    expires = None if lasts is None else now + lasts
    spot, place = None, _place_of(run)
    if place is not None:
        from legato._sdk.cache_places import Spot

        staged = transacting.get() is not None
        spot = Spot(place, task, context, key=key, expires_at=expires, staged=staged)
    address = None if spot is None else spot.address
    result_id = results.keep(task, context, draft, shared=True, address=address)
    if result_id is not None:
        _enter(run, ResultCached(key, result_id, now, expires), spot)
    return result_id


def _enter(run: TaskExecution, record: ResultCached, spot: Spot | None) -> None:
    def enter() -> None:
        if spot is not None:
            spot.publish()
        _record(run.backend, record)

    if transacting.get() is not None:
        from legato._sdk.transactions import when_committed

        when_committed(run.context, enter)
        return
    try:
        enter()
    except StorageError as error:
        message = f"The result of {run.context.name} is stored, but not cached: {error}"
        run_logs.say(run.context, run_logs.WARNING, message)


def _place_of(run: TaskExecution) -> Place | None:
    """Return where the task's results are cached; None: in the database."""
    options, policy = run.task.options, run.task.cache_policy
    if options.result_storage is None and (policy is None or policy.key_storage is None):
        return None
    from legato._sdk.cache_places import place_of

    return place_of(run.task, Path(run.backend.storage()))
