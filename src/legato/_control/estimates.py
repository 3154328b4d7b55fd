"""What is true of a run only at the moment of asking: how long it has gone on, how late it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from legato._model.flow_runs import FlowRun
from legato._model.states import TERMINAL, StateType
from legato._model.task_runs import TaskRun

R = TypeVar("R", FlowRun, TaskRun)
_NONE = timedelta(0)


def estimated(run: R, now: datetime) -> R:
    """Fill in the estimates of a run, in place, and return it."""
    run.estimated_run_time = run.total_run_time
    if run.state_type is StateType.RUNNING and run.state is not None:
        run.estimated_run_time += max(_NONE, now - run.state.timestamp)
    run.estimated_start_time_delta = _lateness(run, now)
    return run


def _lateness(run: FlowRun | TaskRun, now: datetime) -> timedelta:
    expected = run.expected_start_time
    if expected is None:
        return _NONE
    if run.start_time is not None:
        return max(_NONE, run.start_time - expected)
    return _NONE if run.state_type in TERMINAL else max(_NONE, now - expected)
