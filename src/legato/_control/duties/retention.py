"""What is old goes, kind by kind: what there is, and for how long it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from legato._control.duties import (
    old_artifacts,
    old_events,
    old_logs,
    old_runs,
    old_task_runs,
)
from legato._model.ports import Clock
from legato._store.port import Store

Round = Callable[[Store, datetime], Iterator[int]]


class Kind(Struct, frozen=True):
    """Something that grows old.

    `prune` deletes what is older than a time, a transaction at each step, and yields how many
    that removed; it can be left at any step. `count` yields what adds up to how many would go.
    """

    prune: Round
    count: Round


FLOW_RUNS, TASK_RUNS, LOGS = "flow-runs", "task-runs", "logs"
ARTIFACTS, EVENTS = "artifacts", "events"

KINDS: Mapping[str, Kind] = {
    LOGS: Kind(old_logs.prune, old_logs.count),
    ARTIFACTS: Kind(old_artifacts.prune, old_artifacts.count),
    EVENTS: Kind(old_events.prune, old_events.count),
    FLOW_RUNS: Kind(old_runs.prune, old_runs.count),
    TASK_RUNS: Kind(old_task_runs.prune, old_task_runs.count),
}
"""Task runs are those outside of flows; all others go with their flow runs."""


class Pruner:
    """Deletes what is older than `keep`, one transaction at each call, round after round.

    What must stay for now is passed over until the next round.
    """

    def __init__(self, kind: Kind, store: Store, clock: Clock, keep: timedelta) -> None:
        self._kind, self._store, self._clock, self._keep = kind, store, clock, keep
        self._round: Iterator[int] | None = None

    def __call__(self) -> bool:
        """Delete some; tell whether the round goes on."""
        around, self._round = self._round, None  # one that fails begins anew
        if around is None:
            around = self._kind.prune(self._store, self._clock.now() - self._keep)
        if next(around, None) is None:
            return False
        self._round = around
        return True
