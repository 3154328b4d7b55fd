"""Standing in line for the slots of concurrency limits, and holding them.

`in_line` is a generator that yields how long to pause, so that a thread and a loop can both wait.
A grant is known by an id that is made beforehand: whatever interrupts the wait, releasing that id
frees what was taken and leaves the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from msgspec import Struct

from legato._journal.forks import place
from legato._model.errors import InvalidRequest, ServerAway, StoreError
from legato._model.operations.slots import FindSlots, ReleaseSlots, TakeSlots
from legato._model.slots import Granted, Holder, Holding, Missing, Mode, Waits
from legato._sdk import run_logs, slot_events, waits
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.event_records import Event
from legato._sdk.exceptions import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
)
from legato._sdk.keeper import keeper

if TYPE_CHECKING:
    from legato._backend.port import Backend

T = TypeVar("T")
FIRST_TICK, LAST_TICK = 0.001, 0.01
AWAY_TICK = 0.5
_SOON = 0.005


class Wish(Struct, kw_only=True):
    """Slots that somebody wants, and how long they wait for them; None: for ever."""

    grant_id: UUID
    names: Sequence[str]
    slots: int
    mode: Mode = Mode.concurrency
    strict: bool = False
    lease_seconds: float = 300.0
    holder: Holder | None = None
    timeout: float | None = None
    tries: int | None = None
    place: str = ""
    names_held: list[str] = []
    held: list[Holding] = []
    told: dict[UUID, Event] = {}
    """What was told of having taken the slots, by limit."""
    sweep_at: float = 0.0
    waits_for_server: bool = True
    """Wait, too, until a server that is away answers; else that is an error."""


def wish(backend: Backend, names: str | Sequence[str], occupy: int, **more: Any) -> Wish:
    """Return what is wanted, with an id of its own; raise InvalidRequest for impossible values."""
    wanted = [names] if isinstance(names, str) else list(names)
    timeout = more.get("timeout")
    if timeout is not None and timeout < 0:
        raise InvalidRequest(f"timeout_seconds: It is not negative, unlike {timeout}.")
    if more.get("holder") is None:
        more["holder"] = _who()
    return Wish(grant_id=backend.ids.new(), names=wanted, slots=occupy, place=place(), **more)


def _who() -> Holder | None:
    run = current.get()
    if isinstance(run, TaskRunContext):
        return Holder(type="task_run", id=run.id)
    return None if run is None else Holder(type="flow_run", id=run.id)


def in_line(backend: Backend, wanted: Wish) -> Generator[float, None, None]:
    """Take the slots; yield the seconds to pause while others hold them.

    Raises ConcurrencySlotAcquisitionError if that is impossible, and
    AcquireConcurrencySlotTimeoutError when the time is over.
    """
    if not wanted.names:
        return
    ends = None if wanted.timeout is None else time.monotonic() + wanted.timeout
    granted = False
    try:
        answer = yield from _asked(_take, backend, wanted, ends)
        tries = 0
        while isinstance(answer, Waits):
            if wanted.tries is not None and tries >= wanted.tries:
                raise _late(wanted, f"after {tries} retries")
            tries += 1
            answer = yield from _wait(backend, wanted, answer, ends)
        granted = True
    finally:
        if not granted:
            release(backend, wanted)
    _settle(backend, wanted, answer)


def _settle(backend: Backend, wanted: Wish, answer: Granted | Missing) -> None:
    """Keep what was granted, or say what was missing."""
    if isinstance(answer, Missing):
        raise ConcurrencySlotAcquisitionError(
            f"Concurrency limits {answer.names} must be created before acquiring slots: "
            f"legato global-concurrency-limit create NAME --limit N"
        )
    wanted.names_held, wanted.held = answer.limits, answer.held
    wanted.told = slot_events.taken(wanted.held, wanted.slots, wanted.holder)
    if answer.limits and wanted.mode is Mode.concurrency:
        keeper.keep(backend, wanted.grant_id, wanted.lease_seconds, answer.limits)


def _take(backend: Backend, wanted: Wish) -> Granted | Waits | Missing:
    request = TakeSlots(
        grant_id=wanted.grant_id,
        names=list(wanted.names),
        slots=wanted.slots,
        mode=wanted.mode,
        strict=wanted.strict,
        lease_duration=wanted.lease_seconds,
        holder=wanted.holder,
        writer=backend.identity(),
    )
    try:
        found: Granted | Waits | Missing = backend.send(request)
    except InvalidRequest as error:
        raise ConcurrencySlotAcquisitionError(str(error)) from error
    return found


def _wait(
    backend: Backend, wanted: Wish, answer: Waits, ends: float | None
) -> Generator[float, None, Granted | Waits | Missing]:
    """Wait until the request is granted, or for as long as one try lasts."""
    now = time.monotonic()
    with closing(backend.watch(wanted.grant_id)) as watch:
        turn = now + (watch.every if answer.seconds is None else max(_SOON, answer.seconds))
        wanted.sweep_at = wanted.sweep_at or now + watch.every
        until = min(time_ for time_ in (turn, wanted.sweep_at, ends) if time_ is not None)
        tick, seen = FIRST_TICK, watch.look()
        # whoever changed something between the answer and the look at the changes
        found = yield from _asked(_find, backend, wanted, ends)
        while isinstance(found, Waits):
            left = until - time.monotonic()
            if left <= 0:
                break
            yield min(tick, left)
            tick = min(tick * 2, LAST_TICK)
            changes = watch.look()
            if changes != seen:
                seen, found = changes, (yield from _asked(_find, backend, wanted, ends))
    if isinstance(found, Granted):
        return found
    if ends is not None and time.monotonic() >= ends:
        raise _late(wanted, f"timed out after {wanted.timeout} second(s)")
    if time.monotonic() >= wanted.sweep_at:
        backend.sweep()
        wanted.sweep_at = 0.0
    return (yield from _asked(_take, backend, wanted, ends))


def _asked(
    ask: Callable[[Backend, Wish], T], backend: Backend, wanted: Wish, ends: float | None
) -> Generator[float, None, T]:
    """Ask, and ask again while the server is away; yield the seconds to pause."""
    while True:
        try:
            return ask(backend, wanted)
        except ServerAway:
            left = AWAY_TICK if ends is None else min(AWAY_TICK, ends - time.monotonic())
            if not wanted.waits_for_server or left <= 0:
                raise
        yield left


def _find(backend: Backend, wanted: Wish) -> Granted | Waits | None:
    """Look where the request stands; what is used up at once is not held."""
    found: Granted | Waits | None = backend.send(FindSlots(grant_id=wanted.grant_id))
    if isinstance(found, Granted) and wanted.mode is Mode.rate_limit:
        backend.send(ReleaseSlots(grant_id=wanted.grant_id, used=True))
    return found


def _late(wanted: Wish, when: str) -> AcquireConcurrencySlotTimeoutError:
    return AcquireConcurrencySlotTimeoutError(
        f"Attempt to acquire {wanted.slots} slot(s) of the concurrency limits "
        f"{list(wanted.names)} {when}; others hold them."
    )


def release(backend: Backend, wanted: Wish) -> bool:
    """Release what was taken, or leave the line; tell whether the slots were held until now."""
    if wanted.place is not place():  # a forked child: the slots are its parent's
        return True
    kept = keeper.drop(wanted.grant_id)
    try:
        backend.send(ReleaseSlots(grant_id=wanted.grant_id))
    except StoreError as error:
        keeper.release_later(backend, wanted.grant_id)
        warn(f"Slots of {wanted.names_held} could not be released yet: {error}")
    slot_events.released(wanted.held, wanted.slots, wanted.holder, wanted.told)
    return kept


def take(backend: Backend, wanted: Wish) -> None:
    """Take the slots; wait on this thread."""
    with closing(in_line(backend, wanted)) as line:
        for seconds in line:
            waits.sleep(seconds)


async def atake(backend: Backend, wanted: Wish) -> None:
    """Take the slots; wait on the running loop."""
    with closing(in_line(backend, wanted)) as line:
        for seconds in line:
            await waits.asleep(seconds)


def warn(message: str) -> None:
    """Log a warning under the active run, or outside of runs."""
    run: FlowRunContext | TaskRunContext | None = current.get()
    if run is not None:
        run_logs.say(run, run_logs.WARNING, message)
        return
    import logging

    logging.getLogger("legato.concurrency").warning(message)
