"""The duties of every server: which there are, how often, and which by one server only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from time import monotonic, sleep

from msgspec import Struct

from legato._control import flights, results
from legato._control.duties import retention, tallies, timers, workers
from legato._model import timers as kinds
from legato._model.ports import Clock
from legato._server.duties import Duty
from legato._store.port import Grade, Lane, Store

_TIMER_SECONDS = 5.0
_PRUNE_SECONDS = 60.0
_TALLY_SECONDS = 60.0
_WORKER_SECONDS = 15.0
_SPARE = 0.2
"""This part of a database may be free: what comes fills it again."""
_REST = 3
"""So many times as long as a piece took nothing is given back."""


class Rules(Struct, frozen=True, kw_only=True):
    """What the settings say about duties."""

    late_after: timedelta = timedelta(seconds=15)
    keep: Mapping[str, timedelta] = {}
    """How long what is kept, by its kind; what is not named here is kept for ever."""


def chores(store: Store, clock: Clock, rules: Rules) -> Sequence[Duty]:
    """Return the duties on a database."""
    waits = {
        kinds.LATE: rules.late_after,
        kinds.PAUSE: timedelta(),
        kinds.CANCEL: timedelta(),
    }
    return [
        _alone("timers", _TIMER_SECONDS, partial(_fire, store, clock, waits)),
        _alone("flight-reaper", _PRUNE_SECONDS, partial(_reap_flights, store, clock)),
        _alone("upload-reaper", _PRUNE_SECONDS, partial(_drop_uploads, store, clock)),
        _alone("tallies", _TALLY_SECONDS, partial(_keep_tallies, store, clock)),
        _alone("workers", _WORKER_SECONDS, partial(_watch_workers, store, clock)),
        *_pruners(store, clock, rules),
        _alone("space", _PRUNE_SECONDS, partial(_give_back, store)),
    ]


def _give_back(store: Store) -> bool:
    """Give a piece of free space back, then leave the file to others for longer than that took."""
    began = monotonic()
    given = store.shrink(_SPARE)
    if given:
        sleep(_REST * (monotonic() - began))
    return given > 0


def _pruners(store: Store, clock: Clock, rules: Rules) -> Iterable[Duty]:
    """Yield the duties that keep the database bounded; one for each kind that is not for ever."""
    for name, kind in retention.KINDS.items():
        keep = rules.keep.get(name)
        if keep is not None:
            pruner = retention.Pruner(kind, store, clock, keep)
            yield _alone(f"{name}-pruner", _PRUNE_SECONDS, pruner)


def _alone(name: str, every: float, work: Callable[[], object]) -> Duty:
    return Duty(name, every, work, alone=True)


def _fire(store: Store, clock: Clock, waits: Mapping[str, timedelta]) -> bool:
    """Fire timers that were due for as long as their kind waits; tell whether there are more.

    Those of one kind that fail hold up no other: the stack goes on and raises at its end.
    """
    now = clock.now()
    found = store.read(
        lambda tx: [timers.list_due(tx, kind, now - wait) for kind, wait in waits.items()]
    )
    with ExitStack() as each:
        for due in filter(None, found):
            fire = partial(timers.fire, now=now, due=due)
            each.callback(store.run, fire, Lane.PROPOSALS, Grade.ACKED)
    return any(len(due) == timers.BATCH for due in found)


def _reap_flights(store: Store, clock: Clock) -> bool:
    """Remove what processes that are gone have left behind; tell whether there may be more."""
    now = clock.now()
    gone = store.run(lambda tx: flights.reap(tx, now), Lane.PRUNING)
    return gone == flights.REAPED_AT_ONCE


def _drop_uploads(store: Store, clock: Clock) -> bool:
    """Remove parts of results that were never recorded; tell whether there may be more."""
    now = clock.now()
    gone = store.run(lambda tx: results.drop_parts(tx, now), Lane.PRUNING)
    return gone == results.DROPPED_AT_ONCE


def _keep_tallies(store: Store, clock: Clock) -> bool:
    """Keep counts of what is over; tell whether there is more."""
    return sum(tallies.keep(store, noun, clock.now()) for noun in tallies.NOUNS) > 0


def _watch_workers(store: Store, clock: Clock) -> None:
    """Note which pools have lost their workers."""
    workers.watch(store, clock.now())
