"""Cached results of tasks: looked up by key before the call, entered under it behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from legato._engine.effects import Raised, Returned
from legato._engine.endings import describe
from legato._model.operations.results import FindCached
from legato._model.records import ResultCached
from legato._sdk import run_logs, stored_results
from legato._sdk.cache_keys import cache_key
from legato._sdk.context import transacting
from legato._sdk.exceptions import HashError

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._model.results import Result
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
        return Raised(error, "error")
    if key.problem is not None:
        run_logs.say(context, run_logs.WARNING, key.problem)
    run.cache_key = key.key
    if key.key is None or task.refreshes_cache:
        return None
    found = _find(run.backend, key.key)
    if found is None:
        return None
    try:
        value: Any = stored_results.load(found)
    except Exception as error:  # noqa: BLE001 - serializers and classes of the user
        message = f"{context.name} is not taken from the cache: {describe(error)}"
        run_logs.say(context, run_logs.WARNING, message)
        return None
    run.cached_id = found.id
    return Returned(value)


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


def enter(run: TaskExecution, result_id: UUID) -> None:
    """Have a stored result stand for the key of its call, once what encloses it is committed."""
    key, task, backend = run.cache_key, run.task, run.backend
    if key is None:
        return
    now = backend.clock.now()
    expires = None if task.cache_expiration is None else now + task.cache_expiration
    record = ResultCached(key, result_id, now, expires)
    if transacting.get() is None:
        _record(backend, record)
        return
    from legato._sdk.transactions import when_committed

    when_committed(run.context, lambda: _record(backend, record))
