"""Operations on concurrency limits by name."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from msgspec import UNSET, UnsetType, structs

from legato._control import slots as slot_control
from legato._control.object_events import tell
from legato._model.concurrency_limits import (
    GlobalConcurrencyLimit,
    GlobalConcurrencyLimitUpdate,
    NewGlobalConcurrencyLimit,
    fault_of_numbers,
)
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.naming import fault_of_name
from legato._model.object_events import Happened, Verb, of_limit
from legato._model.operations.concurrency_limits import (
    CreateGlobalConcurrencyLimit,
    DeleteGlobalConcurrencyLimit,
    FilterGlobalConcurrencyLimits,
    ReadGlobalConcurrencyLimit,
    UpdateGlobalConcurrencyLimit,
)
from legato._model.operations.lists import bounds
from legato._model.slots import decayed
from legato._store import concurrency_limits, slots
from legato._store.concurrency_limits import LimitRow
from legato._store.port import Transaction

T = TypeVar("T")


def create(
    tx: Transaction, now: datetime, request: CreateGlobalConcurrencyLimit
) -> NewGlobalConcurrencyLimit:
    """Create a limit; raise Conflict if there is one of that name."""
    given = request.limit
    decay, used = given.slot_decay_per_second or 0.0, given.active_slots or 0
    made = LimitRow(
        id=uuid4(),
        created=now,
        updated=now,
        name=given.name,
        slots=given.limit,
        active=given.active is not False,
        decay=float(decay),
        used=float(used),
        used_at=now,
    )
    _check(made, used)
    if not concurrency_limits.create(tx, made):
        raise Conflict(f"There is a concurrency limit {given.name!r} already.")
    tell(tx, now, [_happened("created", made)])
    (shown,) = _shown(tx, now, [made])
    return NewGlobalConcurrencyLimit(**structs.asdict(shown))


def read(
    tx: Transaction, now: datetime, request: ReadGlobalConcurrencyLimit
) -> GlobalConcurrencyLimit:
    """Return a limit; raise ObjectNotFound."""
    return _shown(tx, now, [_read(tx, request.id_or_name)])[0]


def filter(  # noqa: A001
    tx: Transaction, now: datetime, request: FilterGlobalConcurrencyLimits
) -> list[GlobalConcurrencyLimit]:
    """List limits by name."""
    count, skipped = bounds(request.limit, request.offset)
    return _shown(tx, now, concurrency_limits.list_between(tx, count=count, skipped=skipped))


def update(tx: Transaction, now: datetime, request: UpdateGlobalConcurrencyLimit) -> None:
    """Change a limit; raise ObjectNotFound, or Conflict if the new name is taken."""
    slots.enter(tx)
    known, given = _read(tx, request.id_or_name), request.limit
    used = _given(given.active_slots, None)
    name = _given(given.name, known.name)
    if name != known.name and concurrency_limits.find(tx, name) is not None:
        raise Conflict(f"There is a concurrency limit {name!r} already.")
    _adopt(known, given, now)
    _check(known, used)
    concurrency_limits.change(tx, known)
    if used == 0:
        slots.empty(tx, known.id)
    slot_control.settle(tx, now, [known.id])
    tell(tx, now, [_happened("updated", known)])


def delete(tx: Transaction, now: datetime, request: DeleteGlobalConcurrencyLimit) -> None:
    """Delete a limit; raise ObjectNotFound."""
    found = _read(tx, request.id_or_name)
    remove(tx, now, found.id)
    tell(tx, now, [_happened("deleted", found)])


def remove(tx: Transaction, now: datetime, limit_id: UUID) -> None:
    """Delete a limit; whoever waited for it and for others waits for the others only."""
    others = [other for other in slots.linked(tx, [limit_id]) if other != limit_id]
    concurrency_limits.delete(tx, limit_id)
    slot_control.settle(tx, now, others)


def _happened(verb: Verb, row: LimitRow) -> Happened:
    payload = {
        "name": row.name,
        "limit": row.slots,
        "active": row.active,
        "slot_decay_per_second": row.decay,
    }
    return of_limit(verb, row.id, row.name, payload)


def _read(tx: Transaction, id_or_name: str) -> LimitRow:
    found = concurrency_limits.find(tx, id_or_name)
    if found is None:
        try:
            found = concurrency_limits.find_by_id(tx, UUID(id_or_name))
        except ValueError:
            found = None
    if found is None:
        raise ObjectNotFound(f"There is no concurrency limit {id_or_name!r}.")
    return found


def _given(value: T | None | UnsetType, known: T) -> T:
    return known if value is UNSET or value is None else value


def _adopt(known: LimitRow, given: GlobalConcurrencyLimitUpdate, now: datetime) -> None:
    """Take over what is given; what has come back by now came back at the old rate."""
    left = decayed(known.used, known.decay, (now - known.used_at).total_seconds())
    known.used = float(_given(given.active_slots, left))
    known.updated = known.used_at = now
    known.name = _given(given.name, known.name)
    known.slots = _given(given.limit, known.slots)
    known.active = _given(given.active, known.active)
    known.decay = float(_given(given.slot_decay_per_second, known.decay))


def _check(limit: LimitRow, used: int | None) -> None:
    fault = fault_of_name("limit", limit.name)
    if fault is not None:
        raise InvalidRequest(f"name: {fault}")
    fault = fault_of_numbers(limit.slots, limit.decay)
    if fault is not None:
        raise InvalidRequest(fault)
    if used is not None and used < 0:
        raise InvalidRequest(f"active_slots: It is not negative, unlike {used}.")
    if used and limit.decay == 0:
        raise InvalidRequest(
            f"active_slots: Who holds slots of {limit.name!r} is counted; it can be set to 0, "
            "which takes them from all, but not to another number."
        )


def _shown(tx: Transaction, now: datetime, rows: list[LimitRow]) -> list[GlobalConcurrencyLimit]:
    held = slots.count_held(tx, [row.id for row in rows])
    return [
        GlobalConcurrencyLimit(
            id=row.id,
            created=row.created,
            updated=row.updated,
            name=row.name,
            limit=row.slots,
            active=row.active,
            active_slots=_active(row, held.get(row.id, 0), now),
            slot_decay_per_second=row.decay,
        )
        for row in rows
    ]


def _active(row: LimitRow, held: int, now: datetime) -> int:
    if row.decay > 0:
        return int(decayed(row.used, row.decay, (now - row.used_at).total_seconds()))
    return held
