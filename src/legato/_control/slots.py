"""Operations on the slots of limits: one code path, whoever asks and whatever changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from legato._model import slots as rules
from legato._model.errors import InvalidRequest
from legato._model.operations.slots import (
    FindSlots,
    ReapSlots,
    ReleaseSlots,
    RenewSlots,
    TakeSlots,
)
from legato._model.slots import Answer, Granted, Holding, Limit, Missing, Mode, Request, Waits
from legato._store import concurrency_limits, slots, writers
from legato._store.concurrency_limits import LimitRow
from legato._store.port import Transaction
from legato._store.slots import HELD, PAGE, Ask, Lease

_NOBODY = UUID(int=0)


def take(tx: Transaction, now: datetime, request: TakeSlots) -> Answer:
    """Take slots of all limits, or wait for them; asking again serves those ahead first."""
    known = slots.of_grants(tx, [request.grant_id]).get(request.grant_id)
    if known is None:
        refused = _ask(tx, now, request)
        if refused is not None:
            return refused
        known = slots.of_grants(tx, [request.grant_id])[request.grant_id]
    settle(tx, now, [lease.limit_id for lease in known])
    answer = _standing(tx, now, request.grant_id)
    if answer is None:
        raise AssertionError("the request was put into the line just now")
    granted = isinstance(answer, Granted)
    if granted and request.mode is Mode.rate_limit:
        slots.end(tx, [request.grant_id])
    elif not granted and not request.wait:
        release(tx, now, ReleaseSlots(grant_id=request.grant_id))
    return answer


def find(tx: Transaction, now: datetime, request: FindSlots) -> Granted | Waits | None:
    """Tell where a request stands; not when it will be served, as that takes locks."""
    return _standing(tx, now, request.grant_id, estimate=False)


def renew(tx: Transaction, now: datetime, request: RenewSlots) -> bool:
    """Hold slots for longer; tell whether they were still held."""
    until = now + timedelta(seconds=request.lease_duration)
    return slots.renew(tx, request.grant_id, until)


def release(tx: Transaction, now: datetime, request: ReleaseSlots) -> None:
    """Release slots and serve those who wait for them."""
    known = _claimed(tx, now, [request.grant_id])
    if not known:
        return
    ids = sorted(lease.limit_id for lease in known)
    if known[0].kind == HELD and not request.used:
        _give_back(tx, now, ids, known[0].slots)
    slots.end(tx, [request.grant_id])
    settle(tx, now, ids)


def reap(tx: Transaction, now: datetime, request: ReapSlots) -> int:
    """End leases whose time is over; return how many requests that were."""
    alive = set(request.alive)
    over = {grant for grant, writer in slots.list_expired(tx, now) if writer not in alive}
    end_all(tx, now, sorted(over))
    return len(over)


def end_all(tx: Transaction, now: datetime, grants: Sequence[UUID]) -> None:
    """End requests that nobody releases, and serve those who wait."""
    ended = _claimed(tx, now, grants)
    if ended:
        slots.end(tx, grants)
        settle(tx, now, sorted({lease.limit_id for lease in ended}))


def _claimed(tx: Transaction, now: datetime, grants: Sequence[UUID]) -> list[Lease]:
    """Return the rows of requests, their limits locked: nobody else grants or ends them now."""
    known = slots.of_grants(tx, grants)
    limits = {lease.limit_id for leases in known.values() for lease in leases}
    if limits:
        slots.load(tx, slots.linked(tx, limits), now)
        known = slots.of_grants(tx, grants)
    return [lease for leases in known.values() for lease in leases]


def settle(tx: Transaction, now: datetime, limits: Iterable[UUID]) -> None:
    """Give free slots of limits to those who wait, first come first served."""
    ids = slots.linked(tx, limits)
    while True:
        standing = slots.load(tx, ids, now)
        waiting = slots.line(tx, standing)
        if not waiting:
            return
        before = {limit.id: limit.held for limit in standing.values()}
        granted = rules.next_granted(standing, waiting)
        if not granted:
            return
        slots.hand_over(tx, [request.grant_id for request in granted])
        _use(tx, now, standing, before, granted)
        if len(granted) < PAGE:
            return


def _use(
    tx: Transaction,
    now: datetime,
    limits: dict[UUID, Limit],
    before: dict[UUID, float],
    granted: Sequence[Request],
) -> None:
    """Note what was taken of rate limits."""
    for limit in limits.values():
        taken = sum(request.slots for request in granted if limit.id in request.limits)
        if taken and limit.decay > 0:
            concurrency_limits.use(tx, limit.id, before[limit.id] + taken, now)


def _give_back(tx: Transaction, now: datetime, ids: Sequence[UUID], count: int) -> None:
    """Give slots of rate limits back that were held and not used up."""
    for limit in slots.load(tx, ids, now).values():
        if limit.decay > 0:
            concurrency_limits.use(tx, limit.id, max(0.0, limit.held - count), now)


def _ask(tx: Transaction, now: datetime, request: TakeSlots) -> Answer | None:
    """Put a request into the line; return the answer if there is nothing to wait for."""
    names = list(dict.fromkeys(request.names))
    found = {name: concurrency_limits.find(tx, name) for name in names}
    limits = [row for row in found.values() if row is not None]
    _check(request, limits)
    missing = [name for name, row in found.items() if row is None]
    if missing and request.strict:
        return Missing(missing)
    if not limits:
        return Granted(request.grant_id, [])
    writer_id = _NOBODY
    if request.writer is not None:
        writer_id = request.writer.id
        writers.create(tx, request.writer)
    until = now + timedelta(seconds=request.lease_duration)
    ids = sorted(row.id for row in limits)
    slots.load(tx, slots.linked(tx, ids), now)  # locks them before anything is written
    slots.ask(tx, now, Ask(request.grant_id, ids, request.slots, writer_id, until, request.holder))
    return None


def _check(request: TakeSlots, limits: Sequence[LimitRow]) -> None:
    if request.slots < 1:
        raise InvalidRequest(f"slots: At least one is taken, not {request.slots}.")
    if not 0 < request.lease_duration <= _LONGEST:
        raise InvalidRequest(
            f"lease_duration: It is more than 0 and at most {_LONGEST:.0f} seconds, "
            f"not {request.lease_duration}."
        )
    for row in limits:
        if row.active and 0 < row.slots < request.slots:
            raise InvalidRequest(
                f"{request.slots} slots of {row.name!r} are asked for, but it has only {row.slots}."
            )
        if request.mode is Mode.rate_limit and row.decay <= 0:
            raise InvalidRequest(
                f"{row.name!r} is no rate limit, as its slots do not come back by "
                "themselves; give it a slot_decay_per_second, or use concurrency()."
            )


_LONGEST = 86400.0


def _standing(
    tx: Transaction, now: datetime, grant_id: UUID, *, estimate: bool = True
) -> Granted | Waits | None:
    leases = slots.of_grants(tx, [grant_id]).get(grant_id)
    if leases is None:
        return None
    if leases[0].kind == HELD:
        found = [concurrency_limits.find_by_id(tx, lease.limit_id) for lease in leases]
        held = [Holding(row.id, row.name, row.slots) for row in found if row is not None]
        return Granted(grant_id, [limit.name for limit in held], held)
    return Waits(grant_id, _seconds_left(tx, now, leases) if estimate else None)


def _seconds_left(tx: Transaction, now: datetime, leases: Sequence[Lease]) -> float | None:
    """Return when the slots are free by the decay of rate limits; None: no telling."""
    ids = slots.linked(tx, [lease.limit_id for lease in leases])
    limits = slots.load(tx, ids, now)
    own = [limits[lease.limit_id] for lease in leases]
    if any(limit.decay <= 0 and not rules.fits(limit, leases[0].slots) for limit in own):
        return None
    for request in slots.line(tx, limits):
        if request.grant_id == leases[0].grant_id:
            break
        for limit_id in request.limits:
            if limit_id in limits:
                limits[limit_id].held += request.slots
    left = [rules.seconds_until(limit, leases[0].slots) for limit in own]
    known = [seconds for seconds in left if seconds is not None]
    return max(known) if known else None
