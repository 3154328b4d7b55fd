"""The duties of every server: which there are, how often, and which by one server only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from msgspec import Struct

from legato._control.duties import timers
from legato._model import timers as kinds
from legato._model.ports import Clock
from legato._server.duties import Duty
from legato._store.port import Grade, Lane, Store

_TIMER_SECONDS = 1.0


class Rules(Struct, frozen=True, kw_only=True):
    """What the settings say about duties."""

    late_after: timedelta = timedelta(seconds=15)


def chores(store: Store, clock: Clock, rules: Rules) -> Sequence[Duty]:
    """Return the duties on a database."""
    timed = partial(_fire, store, clock)
    return [
        _alone("late-runs", _TIMER_SECONDS, partial(timed, kinds.LATE, rules.late_after)),
        _alone("paused-runs", _TIMER_SECONDS, partial(timed, kinds.PAUSE, timedelta())),
        _alone("cancelled-runs", _TIMER_SECONDS, partial(timed, kinds.CANCEL, timedelta())),
    ]


def _alone(name: str, every: float, work: Callable[[], object]) -> Duty:
    return Duty(name, every, work, alone=True)


def _fire(store: Store, clock: Clock, kind: str, after: timedelta) -> bool:
    """Fire timers that were due for so long; tell whether there are more."""
    now = clock.now()
    due = store.read(lambda tx: timers.list_due(tx, kind, now - after))
    if due:
        store.run(lambda tx: timers.fire(tx, now, due), Lane.PROPOSALS, Grade.ACKED)
    return len(due) == timers.BATCH
