"""Operations that count runs: over time, by state, by flow run."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.filters import WorkQueueFilter
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import Operation, Spec
from legato._model.states import StateType


class HistoryState(Struct, kw_only=True):
    """How many runs of an interval are in a state; times are seconds."""

    state_type: StateType
    state_name: str
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class HistoryInterval(Struct, kw_only=True):
    """The runs that were expected to start in an interval, by the states that they are in now."""

    interval_start: datetime
    interval_end: datetime
    states: list[HistoryState]


class OverTime(OfRuns, kw_only=True):
    """A request for counts in intervals of a time."""

    history_start: datetime
    history_end: datetime
    history_interval_seconds: float


class FlowRunHistory(OverTime):
    """Count flow runs over time, in at most 500 intervals."""

    spec: ClassVar = Spec(
        id="flow_runs.history",
        method="POST",
        path="/flow_runs/history",
        access="read",
        answer=list[HistoryInterval],
    )
    work_queues: WorkQueueFilter | None = None
    """What Prefect's clients call `work_pool_queues` here."""


class TaskRunHistory(OverTime):
    """Count task runs over time, in at most 500 intervals."""

    spec: ClassVar = Spec(
        id="task_runs.history",
        method="POST",
        path="/task_runs/history",
        access="read",
        answer=list[HistoryInterval],
    )


class CountTaskRunsOfFlowRuns(Operation):
    """Count the task runs of each of some flow runs, without those that stand for subflows."""

    spec: ClassVar = Spec(
        id="flow_runs.count_task_runs",
        method="POST",
        path="/ui/flow_runs/count-task-runs",
        access="read",
        answer=dict[str, int],
    )
    flow_run_ids: list[UUID]


class CountTaskRunsByState(OfRuns):
    """Count task runs by the states that they are in."""

    spec: ClassVar = Spec(
        id="task_runs.count_by_state",
        method="POST",
        path="/ui/task_runs/count",
        access="read",
        answer=dict[str, int],
    )
