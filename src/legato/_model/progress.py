"""How counts and times of a run follow from its transitions."""

from __future__ import annotations

from datetime import datetime

from legato._model.records import Progress
from legato._model.states import PENDING, RUNNING, SCHEDULED, TERMINAL, State, StateType

START = Progress()
_UNCOUNTED = frozenset({PENDING, SCHEDULED})


def advance(
    progress: Progress, before: StateType | None, before_at: datetime | None, state: State
) -> Progress:
    """Return where the run stands after `state`, which followed `before` entered at `before_at`."""
    if before is not RUNNING and state.type in _UNCOUNTED:
        return progress
    run_count, start = progress.run_count, progress.start_time
    end, total = progress.end_time, progress.total_run_time
    if before is RUNNING and before_at is not None:
        total += max(0.0, (state.timestamp - before_at).total_seconds())
    if state.type is RUNNING:
        run_count += 1
        start = start or state.timestamp
    if state.type in TERMINAL:
        end = state.timestamp
        start = start or state.timestamp
    else:
        end = None
    return Progress(run_count, start, end, total)
