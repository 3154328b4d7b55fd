"""Operations of a dashboard: few numbers about many runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from legato._model.filters import FlowRunSort, WorkQueueFilter
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import Operation, Spec
from legato._model.states import StateType
from legato._model.task_runs import TaskRun


class FlowRunPoint(Struct, kw_only=True):
    """A flow run as a point in a chart: when it started, or should have, and how long it ran."""

    id: UUID
    state_type: StateType
    timestamp: datetime
    duration: timedelta
    lateness: timedelta


class NextFlowRun(Struct, kw_only=True):
    """The scheduled run of a flow that is due first."""

    id: UUID
    flow_id: UUID
    name: str
    state_name: str
    state_type: StateType
    next_scheduled_start_time: datetime


class EndedTaskRuns(Struct, kw_only=True):
    """How many task runs that started in an interval have ended, well or not."""

    completed: int
    failed: int


class TaskRunWithin(TaskRun, kw_only=True):
    """A task run with the name of its flow run."""

    flow_run_name: str | None = None


class FlowRunLateness(OfRuns):
    """Tell by how many seconds flow runs start late on average; None: there are none."""

    spec: ClassVar = Spec(
        id="flow_runs.lateness",
        method="POST",
        path="/flow_runs/lateness",
        access="read",
        answer=float | None,
    )


class FlowRunPoints(OfRuns):
    """List flow runs as points in a chart, at most 1000."""

    spec: ClassVar = Spec(
        id="flow_runs.points",
        method="POST",
        path="/ui/flow_runs/history",
        access="read",
        answer=list[FlowRunPoint],
    )
    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC
    limit: int | None = None
    offset: int = 0


class CountDeploymentsOfFlows(Operation):
    """Count the deployments of each of some flows."""

    spec: ClassVar = Spec(
        id="flows.count_deployments",
        method="POST",
        path="/ui/flows/count-deployments",
        access="read",
        answer=dict[str, int],
    )
    flow_ids: list[UUID]


class NextRunsOfFlows(Operation):
    """Find the scheduled run that is due first, of each of some flows."""

    spec: ClassVar = Spec(
        id="flows.next_runs",
        method="POST",
        path="/ui/flows/next-runs",
        access="read",
        answer=dict[str, NextFlowRun | None],
    )
    flow_ids: list[UUID]


class CountEndedTaskRuns(OfRuns):
    """Count the task runs that have ended in 20 intervals since `task_runs.start_time.after_`."""

    spec: ClassVar = Spec(
        id="task_runs.count_ended",
        method="POST",
        path="/ui/task_runs/dashboard/counts",
        access="read",
        answer=list[EndedTaskRuns],
    )
    work_queues: WorkQueueFilter | None = None
    """Prefect's name of `work_pool_queues` here."""


class ReadTaskRunWithin(Operation):
    """Read a task run with the name of its flow run."""

    spec: ClassVar = Spec(
        id="task_runs.read_within",
        method="GET",
        path="/ui/task_runs/{task_run_id}",
        access="read",
        answer=TaskRunWithin,
    )
    task_run_id: UUID
