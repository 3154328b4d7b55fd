"""Operations on the concurrency limits of tags, which are limits named `tag:<tag>`."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from legato._control import slots as slot_control
from legato._control.global_concurrency_limits import remove
from legato._control.object_events import tell
from legato._model.concurrency_limits import TAG, ConcurrencyLimit, fault_of_numbers
from legato._model.errors import InvalidRequest, ObjectNotFound
from legato._model.object_events import Verb, of_limit
from legato._model.operations.concurrency_limits import (
    CreateConcurrencyLimit,
    DeleteConcurrencyLimit,
    DeleteConcurrencyLimitById,
    FilterConcurrencyLimits,
    ListLimitedTags,
    ReadConcurrencyLimit,
    ReadConcurrencyLimitByTag,
    ResetConcurrencyLimit,
)
from legato._model.operations.lists import bounds
from legato._model.slots import Holder
from legato._store import concurrency_limits, slots
from legato._store.concurrency_limits import LimitRow
from legato._store.port import Transaction
from legato._store.slots import Ask

_LAST = TAG + "\U0010ffff"
_MANY = 10_000
OVERRIDE_SECONDS = 60.0
_NOBODY = UUID(int=0)


def create(tx: Transaction, now: datetime, request: CreateConcurrencyLimit) -> ConcurrencyLimit:
    """Create the limit of a tag, or change it."""
    given = request.limit
    if not given.tag:
        raise InvalidRequest("tag: A tag is not empty.")
    fault = fault_of_numbers(given.concurrency_limit, 0.0)
    if fault is not None:
        raise InvalidRequest(f"concurrency_{fault}")
    slots.enter(tx)
    name = TAG + given.tag
    known = concurrency_limits.find(tx, name)
    if known is None:
        made = LimitRow(uuid4(), now, now, name, given.concurrency_limit, True, 0.0, 0.0, now)
        if concurrency_limits.create(tx, made):
            _tell(tx, now, "created", made)
    else:
        known.slots, known.updated = given.concurrency_limit, now
        concurrency_limits.change(tx, known)
        slot_control.settle(tx, now, [known.id])
        _tell(tx, now, "updated", known)
    return _shown(tx, _read(tx, given.tag))


def read(tx: Transaction, now: datetime, request: ReadConcurrencyLimit) -> ConcurrencyLimit:
    """Return the limit of a tag; raise ObjectNotFound."""
    found = concurrency_limits.find_by_id(tx, request.limit_id)
    if found is None or not found.name.startswith(TAG):
        raise ObjectNotFound(f"There is no concurrency limit {request.limit_id} of a tag.")
    return _shown(tx, found)


def read_by_tag(
    tx: Transaction, now: datetime, request: ReadConcurrencyLimitByTag
) -> ConcurrencyLimit:
    """Return the limit of a tag; raise ObjectNotFound."""
    return _shown(tx, _read(tx, request.tag))


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterConcurrencyLimits
) -> list[ConcurrencyLimit]:
    """List the limits of tags."""
    rows = concurrency_limits.list_between(tx, TAG, _LAST, *bounds(request.limit, request.offset))
    return [_shown(tx, row) for row in rows]


def tags(tx: Transaction, now: datetime, request: ListLimitedTags) -> list[str]:
    """List the tags that have a limit."""
    rows = concurrency_limits.list_between(tx, TAG, _LAST, _MANY)
    return [row.name.removeprefix(TAG) for row in rows]


def reset(tx: Transaction, now: datetime, request: ResetConcurrencyLimit) -> ConcurrencyLimit:
    """Take the slots from all, or give them to the given task runs; raise ObjectNotFound."""
    slots.enter(tx)
    found = _read(tx, request.tag)
    slots.empty(tx, found.id)
    until = now + timedelta(seconds=OVERRIDE_SECONDS)
    for run_id in dict.fromkeys(request.slot_override or ()):
        holder = Holder(type="task_run", id=run_id)
        slots.ask(tx, now, Ask(uuid4(), [found.id], 1, _NOBODY, until, holder), slots.HELD)
    slot_control.settle(tx, now, [found.id])
    return _shown(tx, found)


def delete_by_tag(tx: Transaction, now: datetime, request: DeleteConcurrencyLimit) -> None:
    """Delete the limit of a tag; raise ObjectNotFound."""
    _delete(tx, now, _read(tx, request.tag))


def delete(tx: Transaction, now: datetime, request: DeleteConcurrencyLimitById) -> None:
    """Delete the limit of a tag; raise ObjectNotFound."""
    found = read(tx, now, ReadConcurrencyLimit(limit_id=request.limit_id))
    _delete(tx, now, _read(tx, found.tag))


def _delete(tx: Transaction, now: datetime, row: LimitRow) -> None:
    remove(tx, now, row.id)
    _tell(tx, now, "deleted", row)


def _tell(tx: Transaction, now: datetime, verb: Verb, row: LimitRow) -> None:
    tag = row.name.removeprefix(TAG)
    payload = {"tag": tag, "concurrency_limit": row.slots}
    tell(tx, now, [of_limit(verb, row.id, tag, payload)])


def _read(tx: Transaction, tag: str) -> LimitRow:
    found = concurrency_limits.find(tx, TAG + tag)
    if found is None:
        raise ObjectNotFound(f"There is no concurrency limit of the tag {tag!r}.")
    return found


def _shown(tx: Transaction, row: LimitRow) -> ConcurrencyLimit:
    return ConcurrencyLimit(
        id=row.id,
        created=row.created,
        updated=row.updated,
        tag=row.name.removeprefix(TAG),
        concurrency_limit=row.slots,
        active_slots=slots.list_runs(tx, row.id),
    )
