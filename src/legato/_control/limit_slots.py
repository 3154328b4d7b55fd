"""Slots of limits as Prefect's clients take them: at once or not at all, and they ask again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4, uuid5

from legato._control import slots as slot_control
from legato._model.concurrency_limits import TAG
from legato._model.errors import InvalidRequest, LeaseLost, Locked
from legato._model.operations.limit_slots import (
    DecrementLimits,
    DecrementLimitsWithLease,
    DecrementTags,
    IncrementLimits,
    IncrementLimitsWithLease,
    IncrementTags,
    LeasedLimits,
    LimitInShort,
    RenewLimitsLease,
)
from legato._model.operations.slots import ReleaseSlots, RenewSlots, TakeSlots
from legato._model.slots import Granted, Holder, Waits
from legato._store import concurrency_limits, slots
from legato._store.concurrency_limits import LimitRow
from legato._store.port import Transaction
from legato._store.slots import HELD, Ask

FOREVER = timedelta(days=36_500)
"""For slots without a lease: whoever took them gives them back, or someone resets the limit."""
_AGES = timedelta(days=3_650)
SHORTEST_LEASE, LONGEST_LEASE = 60.0, 86400.0
WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 30.0
_NOBODY = UUID(int=0)


def increment(tx: Transaction, now: datetime, request: IncrementLimits) -> list[LimitInShort]:
    """Take slots until they are given back; raise Locked if they are not free."""
    taken = TakeSlots(
        grant_id=uuid4(), names=request.names, slots=request.slots, mode=request.mode, wait=False
    )
    return _for_ever(tx, now, taken)


def increment_with_lease(
    tx: Transaction, now: datetime, request: IncrementLimitsWithLease
) -> LeasedLimits:
    """Take slots for a time; raise Locked if they are not free."""
    _check_duration(request.lease_duration)
    taken = TakeSlots(
        grant_id=uuid4(),
        names=request.names,
        slots=request.slots,
        mode=request.mode,
        wait=False,
        lease_duration=request.lease_duration,
        holder=request.holder,
    )
    return LeasedLimits(lease_id=taken.grant_id, limits=_take(tx, now, taken))


def decrement(tx: Transaction, now: datetime, request: DecrementLimits) -> list[LimitInShort]:
    """Give slots back that were taken without a lease, those taken first before others."""
    if request.slots < 1:
        raise InvalidRequest(f"slots: At least one is given back, not {request.slots}.")
    rows = _known(tx, request.names)
    wanted, left = {row.id for row in rows}, request.slots
    slots.load(tx, slots.linked(tx, wanted), now)  # locks them: nobody else ends these now
    grants = slots.of_grants(tx, slots.list_held_beyond(tx, sorted(wanted), now + _AGES))
    for grant_id, leases in grants.items():
        ids, held = [lease.limit_id for lease in leases], leases[0].slots
        if left <= 0 or not wanted.issuperset(ids):
            continue
        if held > left:  # the rest of them stays
            rest = Ask(uuid4(), ids, held - left, _NOBODY, now + FOREVER, None)
            slots.ask(tx, now, rest, HELD)
        slot_control.release(tx, now, ReleaseSlots(grant_id=grant_id))
        left -= held
    return _shown(rows)


def decrement_with_lease(tx: Transaction, now: datetime, request: DecrementLimitsWithLease) -> None:
    """Give slots back by their lease."""
    slot_control.release(tx, now, ReleaseSlots(grant_id=request.lease_id))


def renew(tx: Transaction, now: datetime, request: RenewLimitsLease) -> None:
    """Hold slots for longer; raise LeaseLost."""
    _check_duration(request.lease_duration)
    asked = RenewSlots(grant_id=request.lease_id, lease_duration=request.lease_duration)
    if not slot_control.renew(tx, now, asked):
        raise LeaseLost("Lease not found - it may have expired or been revoked")


def increment_tags(tx: Transaction, now: datetime, request: IncrementTags) -> list[LimitInShort]:
    """Take a slot of each tag for a task run; asking again takes no other. Raise Locked."""
    taken = TakeSlots(
        grant_id=_grant(request.task_run_id, request.names),
        names=[TAG + tag for tag in request.names],
        wait=False,
        holder=Holder(type="task_run", id=request.task_run_id),
    )
    return _without_tag(_for_ever(tx, now, taken)) if request.names else []


def decrement_tags(tx: Transaction, now: datetime, request: DecrementTags) -> list[LimitInShort]:
    """Give the slots of tags back that a task run took."""
    grant_id = _grant(request.task_run_id, request.names)
    slot_control.release(tx, now, ReleaseSlots(grant_id=grant_id))
    return _without_tag(_shown(_known(tx, [TAG + tag for tag in request.names])))


def _for_ever(tx: Transaction, now: datetime, taken: TakeSlots) -> list[LimitInShort]:
    found = _take(tx, now, taken)
    slots.renew(tx, taken.grant_id, now + FOREVER)
    return found


def _take(tx: Transaction, now: datetime, taken: TakeSlots) -> list[LimitInShort]:
    """Take slots at once; raise Locked, with the time after which it may be tried again."""
    if not taken.names:
        return []
    answer = slot_control.take(tx, now, taken)
    if isinstance(answer, Waits):
        seconds = WAIT_SECONDS if answer.seconds is None else answer.seconds
        raise Locked("Locked", min(max(seconds, 0.01), LONGEST_WAIT_SECONDS))
    return _shown(_known(tx, answer.limits)) if isinstance(answer, Granted) else []


def _known(tx: Transaction, names: Sequence[str]) -> list[LimitRow]:
    found = [concurrency_limits.find(tx, name) for name in dict.fromkeys(names)]
    return [row for row in found if row is not None]


def _shown(rows: Sequence[LimitRow]) -> list[LimitInShort]:
    return [LimitInShort(id=row.id, name=row.name, limit=row.slots) for row in rows]


def _without_tag(limits: Sequence[LimitInShort]) -> list[LimitInShort]:
    return [
        LimitInShort(id=limit.id, name=limit.name.removeprefix(TAG), limit=limit.limit)
        for limit in limits
    ]


def _grant(task_run_id: UUID, tags: Sequence[str]) -> UUID:
    """Return the id under which a task run holds its slots of tags."""
    return uuid5(task_run_id, "\0".join(sorted(set(tags))))


def _check_duration(seconds: float) -> None:
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        raise InvalidRequest(
            f"lease_duration: A lease is held for {SHORTEST_LEASE:.0f} to {LONGEST_LEASE:.0f}"
            f" seconds, not {seconds}."
        )
