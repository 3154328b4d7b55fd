"""Operations on task runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import UNSET

from legato._control import marking, pages
from legato._control.estimates import estimated
from legato._control.flow_runs import stamped
from legato._control.ids import new_id
from legato._model import names, transitions
from legato._model.deployments import Labels
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations.flow_runs import StateCreate
from legato._model.operations.task_runs import (
    CountTaskRuns,
    CreateTaskRun,
    DeleteTaskRun,
    FilterTaskRuns,
    MarkTaskRunSucceeded,
    PaginateTaskRuns,
    ReadTaskRun,
    TaskRunPage,
    TaskRunRequest,
    UpdateTaskRun,
)
from legato._model.states import StateType
from legato._model.task_runs import TaskRun, TaskRunCreate, TaskRunPolicy
from legato._store import finding, results, tallies
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)


def create(tx: Transaction, now: datetime, request: CreateTaskRun) -> TaskRun:
    """Create a task run, or return the one of that task and key in the flow run."""
    asked = request.task_run
    known = finding.find_step(tx, asked.flow_run_id, asked.task_key, asked.dynamic_key)
    if known is not None:
        return of_id(tx, now, known)
    run = _drafted(asked, now)
    if not transitions.is_legal(transitions.TASK_RUN, None, run.state.type):
        raise InvalidRequest(f"state: A run cannot begin in {run.state.type.value}.")
    if finding.find_task_run(tx, run.id) is not None:
        raise Conflict(f"The task run {run.id} exists.")
    if run.flow_run_id is not None:
        run.labels = {**_labels(tx, run.flow_run_id), **run.labels}
    history = History(tx, keeps_data=True)
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.create(run, 0)
    tasks.flush()
    history.flush(tx)
    return of_id(tx, now, run.id)


def _labels(tx: Transaction, flow_run_id: UUID) -> Labels:
    """Return the labels that a task run has from its flow run; raise Conflict if there is none."""
    within = finding.find_flow_run(tx, flow_run_id)
    if within is None:
        raise Conflict(f"flow_run_id: There is no flow run {flow_run_id}.")
    ids = {"flow": within.flow_id, "deployment": within.deployment_id, "flow-run": within.id}
    of_ids = {f"prefect.{noun}.id": str(id_) for noun, id_ in ids.items() if id_ is not None}
    return {**within.labels, **of_ids}


def _drafted(asked: TaskRunRequest, now: datetime) -> TaskRunCreate:
    """Return the run that is asked for, with its id, name and first state."""
    run_id = asked.id or new_id(now)
    state = stamped(asked.state or StateCreate(type=StateType.PENDING), now)
    policy = asked.empirical_policy
    return TaskRunCreate(
        id=run_id,
        name=asked.name or names.pair_of(run_id),
        task_key=asked.task_key,
        dynamic_key=asked.dynamic_key,
        state=state,
        flow_run_id=asked.flow_run_id,
        task_version=asked.task_version,
        tags=asked.tags,
        labels=asked.labels,
        task_inputs=asked.task_inputs,
        empirical_policy=None if policy == TaskRunPolicy() else policy,
        cache_key=asked.cache_key,
        cache_expiration=asked.cache_expiration,
    )


def read(tx: Transaction, now: datetime, request: ReadTaskRun) -> TaskRun:
    """Return a task run; raise ObjectNotFound."""
    return of_id(tx, now, request.task_run_id)


def of_id(tx: Transaction, now: datetime, run_id: UUID) -> TaskRun:
    """Return the task run of that id; raise ObjectNotFound."""
    found = finding.find_task_run(tx, run_id)
    if found is None:
        raise ObjectNotFound(f"There is no task run {run_id}.")
    return estimated(found, now)


def filter(tx: Transaction, now: datetime, request: FilterTaskRuns) -> list[TaskRun]:  # noqa: A001
    """List task runs."""
    from legato._store.queries import lists

    return [estimated(run, now) for run in lists.task_runs(tx, request)]


def count(tx: Transaction, now: datetime, request: CountTaskRuns) -> int:
    """Count task runs."""
    from legato._store.queries import lists

    return lists.count(tx, "task_runs", request)


def paginate(tx: Transaction, now: datetime, request: PaginateTaskRuns) -> TaskRunPage:
    """Return a page of task runs."""
    from legato._store.queries import lists

    return pages.page(
        request,
        FilterTaskRuns,
        lambda asked: filter(tx, now, asked),
        lambda: lists.count(tx, "task_runs", request),
        TaskRunPage,
    )


def update(tx: Transaction, now: datetime, request: UpdateTaskRun) -> None:
    """Change what is given of a task run; raise ObjectNotFound."""
    history = History(tx, keeps_data=True)
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.load([request.task_run_id])
    work = tasks.works.get(request.task_run_id.int)
    if work is None:
        raise ObjectNotFound(f"There is no task run {request.task_run_id}.")
    if request.task_run.name is not UNSET:
        tasks.rename(work, request.task_run.name)
    tasks.flush()


def delete(tx: Transaction, now: datetime, request: DeleteTaskRun) -> None:
    """Delete a task run; raise ObjectNotFound."""
    of_id(tx, now, request.task_run_id)
    results.condemn_of_task_runs(tx, [request.task_run_id])
    tallies.forget_task_runs(tx, [request.task_run_id])
    for part in ("task_run_tag", "task_run_state", "task_run_cache", "task_run"):
        tx.run(f"{part}.delete_of_task_runs", {"ids": [request.task_run_id]})


def mark_succeeded(tx: Transaction, now: datetime, request: MarkTaskRunSucceeded) -> TaskRun:
    """Have a task run that did not succeed stand as done; raise ObjectNotFound or Conflict."""
    marking.mark(tx, now, request)
    return of_id(tx, now, request.task_run_id)
