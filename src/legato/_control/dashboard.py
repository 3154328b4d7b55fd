"""Operations of a dashboard: few numbers about many runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import structs

from legato._control.task_runs import of_id
from legato._model.errors import InvalidRequest
from legato._model.operations.dashboard import (
    CountDeploymentsOfFlows,
    CountEndedTaskRuns,
    EndedTaskRuns,
    FlowRunLateness,
    FlowRunPoint,
    FlowRunPoints,
    NextFlowRun,
    NextRunsOfFlows,
    ReadTaskRunWithin,
    TaskRunWithin,
)
from legato._model.operations.spec import LIMIT
from legato._store import finding
from legato._store.dialect import micros
from legato._store.port import Transaction

INTERVALS = 20


def lateness(tx: Transaction, now: datetime, request: FlowRunLateness) -> float | None:
    """Return the mean of how late flow runs are, in seconds."""
    from legato._store.queries import dashboard

    return dashboard.lateness(tx, now, request)


def points(tx: Transaction, now: datetime, request: FlowRunPoints) -> list[FlowRunPoint]:
    """List flow runs as points in a chart."""
    from legato._store.queries import dashboard

    return dashboard.points(tx, now, request)


def count_deployments(
    tx: Transaction, now: datetime, request: CountDeploymentsOfFlows
) -> dict[str, int]:
    """Count deployments by flow."""
    from legato._store import deployments

    _check_number(request.flow_ids)
    return deployments.count_of_flows(tx, request.flow_ids)


def next_runs(
    tx: Transaction, now: datetime, request: NextRunsOfFlows
) -> dict[str, NextFlowRun | None]:
    """Find the scheduled run of each flow that is due first."""
    from legato._store.queries import dashboard

    _check_number(request.flow_ids)
    found = {run.flow_id: run for run in dashboard.next_runs(tx, request.flow_ids)}
    return {str(flow_id): found.get(flow_id) for flow_id in request.flow_ids}


def count_ended(tx: Transaction, now: datetime, request: CountEndedTaskRuns) -> list[EndedTaskRuns]:
    """Count the task runs that have ended, by when they started."""
    from legato._store.queries import dashboard

    started = None if request.task_runs is None else request.task_runs.start_time
    if started is None or started.after_ is None:
        raise InvalidRequest("task_runs.start_time.after_ is required")
    if request.work_queues is not None:
        if request.work_pool_queues is not None:
            raise InvalidRequest(
                "work_queues: It is another name of work_pool_queues; send one of them."
            )
        request = structs.replace(request, work_pool_queues=request.work_queues, work_queues=None)
    begin = started.after_.replace(second=0, microsecond=0)
    end = (started.before_ or now).replace(second=0, microsecond=0) + timedelta(minutes=1)
    counts = [EndedTaskRuns(completed=0, failed=0) for _ in range(INTERVALS)]
    length = -(micros(begin) - micros(end)) // INTERVALS
    if length > 0:
        span = (micros(begin), length, INTERVALS)
        for interval, completed, failed in dashboard.ended(tx, request, span):
            counts[interval] = EndedTaskRuns(completed=completed, failed=failed)
    return counts


def read_within(tx: Transaction, now: datetime, request: ReadTaskRunWithin) -> TaskRunWithin:
    """Return a task run with the name of its flow run; raise ObjectNotFound."""
    run = of_id(tx, now, request.task_run_id)
    flow = None if run.flow_run_id is None else finding.find_flow_run(tx, run.flow_run_id)
    return TaskRunWithin(**structs.asdict(run), flow_run_name=None if flow is None else flow.name)


def _check_number(flow_ids: Sequence[UUID]) -> None:
    if len(flow_ids) > LIMIT:
        raise InvalidRequest(f"flow_ids: At most {LIMIT} flows are asked for at once.")
