"""Operations that count runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from legato._model.errors import InvalidRequest
from legato._model.operations.histories import (
    CountTaskRunsByState,
    CountTaskRunsOfFlowRuns,
    FlowRunHistory,
    HistoryInterval,
    HistoryState,
    TaskRunHistory,
)
from legato._model.operations.spec import LIMIT
from legato._model.states import StateType
from legato._store.dialect import micros
from legato._store.port import Transaction

MAX_INTERVALS = 500


def history(tx: Transaction, now: datetime, request: FlowRunHistory) -> list[HistoryInterval]:
    """Count flow runs over time, by the states that they are in now."""
    queues = request.work_pool_queues or request.work_queues
    return intervals(tx, now, replace(request, work_pool_queues=queues))


def intervals(
    tx: Transaction, now: datetime, request: FlowRunHistory | TaskRunHistory
) -> list[HistoryInterval]:
    """Count runs over time, by the states that they are in now."""
    from legato._store.queries import histories

    length = request.history_interval_seconds
    if not 1 <= length <= 1e9:
        raise InvalidRequest(
            f"history_interval_seconds: An interval has 1 to 1e9 seconds, not {length}."
        )
    start, step = request.history_start, timedelta(seconds=length)
    count = min(-((start - request.history_end) // step), MAX_INTERVALS)
    if count <= 0:
        return []
    noun = request.spec.id.partition(".")[0]
    found: list[HistoryInterval] = [
        HistoryInterval(
            interval_start=start + n * step, interval_end=start + (n + 1) * step, states=[]
        )
        for n in range(count)
    ]
    span = (micros(start), step // timedelta(microseconds=1), count)
    for row in histories.history(tx, now, noun, request, span):
        found[row.interval].states.append(
            HistoryState(
                state_type=StateType(row.state_type),
                state_name=row.state_name,
                count_runs=row.runs,
                sum_estimated_run_time=row.run_seconds,
                sum_estimated_lateness=row.late_seconds,
            )
        )
    return found


def count_by_state(tx: Transaction, now: datetime, request: CountTaskRunsByState) -> dict[str, int]:
    """Count task runs by state; every state is told."""
    from legato._store.queries import histories

    return {kind.value: 0 for kind in StateType} | histories.by_state(tx, request)


def count_task_runs(
    tx: Transaction, now: datetime, request: CountTaskRunsOfFlowRuns
) -> dict[str, int]:
    """Count the task runs of each flow run."""
    from legato._store.queries import histories

    if len(request.flow_run_ids) > LIMIT:
        raise InvalidRequest(f"flow_run_ids: At most {LIMIT} flow runs are asked for at once.")
    found = histories.of_flow_runs(tx, request.flow_run_ids)
    return {str(run_id): found.get(run_id, 0) for run_id in request.flow_run_ids}
