"""Cached results of tasks: looked up by key before the call, entered under it behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from legato._engine.effects import Draft, Outcome, Raised, Returned
from legato._engine.endings import describe
from legato._model.records import ResultCached, ResultKept
from legato._model.results import Result
from legato._sdk import cache_lookups, results, run_logs, stored_results
from legato._sdk.cache_keys import NO_KEY, CacheKey, cache_key
from legato._sdk.context import transacting
from legato._sdk.exceptions import ConfigurationError, HashError, StorageError
from legato._sdk.result_objects import Expired

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.cache_places import Found, Place, Spot
    from legato._sdk.cache_policies import CachePolicy
    from legato._sdk.results import Sharing
    from legato._sdk.task_execution import TaskExecution
    from legato._sdk.turns import Steps, Turn

MANY = 1000
_entered: dict[str, ResultCached] = {}
"""Keys that this process has entered: they may still wait in the journal."""


def look_up(run: TaskExecution) -> Steps:
    """Return the cached result of a call; None: it is to be made, for `run.cache_key`.

    A step is a wait for others that make it, or that hold the lock on its key.
    """
    if run.turn is not None:
        run.turn.end_with(run)
    run.cache_key = run.cached_id = None
    if run.backend.is_dry or not run.context.keeps:
        return None
    policy = run.task.cache_policy
    try:
        key = _key_of(run, policy)
    except HashError as error:
        cache_lookups.note(run, "no key", problem=str(error))
        return Raised(error, "error")
    run.cache_key = key
    if key.key is None:
        if key is not NO_KEY:
            cache_lookups.passed_over(run, key)
        return None
    look = _Look(run, key.key, policy)
    found = yield from _in_turn(run, key, look)
    if not isinstance(found, Raised):
        look.note(key, found)
    return found


def _key_of(run: TaskExecution, policy: CachePolicy | None) -> CacheKey:
    context, flow = run.context, run.context.flow_run_context
    around = {} if flow is None else flow.parameters
    key = cache_key(run.task, policy, context, context.parameters, around)
    if key.problem is not None:
        run_logs.say(context, run_logs.WARNING, key.problem)
    return key


def _in_turn(run: TaskExecution, key: CacheKey, look: _Look) -> Steps:
    """Look; wait for who makes the same result, or have others wait for this run."""
    task, policy = run.task, look.policy
    if policy is not None and policy.isolation_level is not None:
        return (yield from _isolated(run, look, policy))
    found = look()
    if found is not None or not key.spans_runs or task.isgenerator:
        return found
    from legato._sdk import single_flight

    if task.refreshes_cache:
        single_flight.take(run, look.key)
        return None
    return (yield from single_flight.join(run, look.key, look))


def _isolated(run: TaskExecution, look: _Look, policy: CachePolicy) -> Steps:
    """Look under the key's lock if the level is SERIALIZABLE; else nobody waits."""
    from legato._sdk import cache_locks

    try:
        yield from cache_locks.take(run, look.key, policy)
    except ConfigurationError as error:
        return Raised(error, "error")
    found = look()
    if found is not None and run.turn is not None:
        run.turn.end_with(run)
    return found


class _Look:
    """A look for the result of a run; what keeps it from being had is said in the log, once."""

    def __init__(self, run: TaskExecution, key: str, policy: CachePolicy | None) -> None:
        self.run, self.key, self.policy = run, key, policy
        self._problem: str | None = None
        self._is_said = False

    def __call__(self) -> Returned | None:
        """Return what stands for the key; None also if the cache is to be refreshed."""
        if self.run.task.refreshes_cache:
            return None
        try:
            return _take(self.run, self.key, self.policy)
        except Expired:
            self._say(run_logs.INFO, "the result there has expired.")
        except Exception as error:  # noqa: BLE001 - serializers and classes of the user, storages
            self._problem = describe(error)
            self._say(run_logs.WARNING, self._problem)
        return None

    def _say(self, level: int, why: str) -> None:
        if not self._is_said:
            self._is_said, context = True, self.run.context
            run_logs.say(context, level, f"{context.name} is not taken from the cache: {why}")

    def note(self, key: CacheKey, found: Outcome | None) -> None:
        """Record how it ended."""
        if self.run.task.refreshes_cache:
            cache_lookups.passed_over(self.run, key)
        elif found is None and self._problem is not None:
            cache_lookups.note(self.run, "unreadable", key, problem=self._problem)
        else:
            cache_lookups.note(self.run, "miss" if found is None else "hit", key)


def _take(run: TaskExecution, key: str, policy: CachePolicy | None) -> Returned | None:
    """Return the value that is cached under a key; raise whatever keeps it from being had."""
    place = _place_of(run, policy)
    if place is not None:
        return _take_from(place, run, key)
    found = _find(run.backend, key)
    if found is None:
        return None
    value: Any = stored_results.load(found)
    run.cached_id = found.id
    return Returned(value)


def _take_from(place: Place, run: TaskExecution, key: str) -> Returned | None:
    from legato._sdk.serializers import serializer_of

    found = place.find(key, run.backend.clock.now())
    if found is None:
        return None
    value = serializer_of(found.header.serializer).loads(found.payload)
    run.cached_id = _row_of(run, key, found)
    return Returned(value)


def _row_of(run: TaskExecution, key: str, found: Found) -> UUID:
    """Return the id of the row for what lies in a storage, which another database may have."""
    backend, header = run.backend, found.header
    digest = bytes.fromhex(header.sha256)
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
    _record(run, ResultCached(key, row.id, backend.clock.now(), header.expires_at))
    return row.id


def _find(backend: Backend, key: str) -> Result | None:
    """Return what stands for a key; only one that may wait in the journal costs a flush."""
    if key in _entered:
        _flush(backend)
    return backend.find_cached(key)


def _record(run: TaskExecution, record: ResultCached, turn: Turn | None = None) -> None:
    """Append to the journal; a look-up of the key sees it from now on."""
    if turn is None:
        run.backend.journal.append(record)
    else:
        turn.enter(run, record)
    if len(_entered) >= MANY:
        _flush(run.backend)
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
    task, context, made = run.task, run.context, run.cache_key
    key = None if made is None else made.key
    if made is None or key is None:
        return results.keep(task, context, draft)
    now, lasts = run.backend.clock.now(), task.cache_expiration
    expires = None if lasts is None else now + lasts
    spot, place = None, _place_of(run, task.cache_policy)
    if place is not None:
        from legato._sdk.cache_places import Spot

        staged = transacting.get() is not None
        spot = Spot(place, task, context, key=key, expires_at=expires, staged=staged)
    address = None if spot is None else spot.address
    shared: Sharing = "everywhere" if made.spans_runs else "in its flow run"
    result_id = results.keep(task, context, draft, shared=shared, address=address)
    if result_id is not None:
        _enter(run, ResultCached(key, result_id, now, expires), spot)
    return result_id


def _enter(run: TaskExecution, record: ResultCached, spot: Spot | None) -> None:
    waits = transacting.get() is not None

    def enter() -> None:
        if spot is not None:
            spot.publish()
        _record(run, record, None if waits else run.turn)

    if waits:
        from legato._sdk.transactions import when_committed

        when_committed(run.context, enter)
        return
    try:
        enter()
    except StorageError as error:
        message = f"The result of {run.context.name} is stored, but not cached: {error}"
        run_logs.say(run.context, run_logs.WARNING, message)


def _place_of(run: TaskExecution, policy: CachePolicy | None) -> Place | None:
    """Return where the task's results are cached; None: in the database."""
    if policy is None or policy.key_storage is None:
        key = run.cache_key
        if key is None or not key.spans_runs:  # nobody else could find it there
            return None
        if results.chosen(run.task, run.context, "result_storage") is None:
            return None
    from legato._sdk.cache_places import place_of

    return place_of(run.task, run.context, Path(run.backend.storage()))
