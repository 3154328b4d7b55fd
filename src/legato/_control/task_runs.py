"""Operations on task runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from legato._control import answers, marking
from legato._control.estimates import estimated
from legato._control.flow_runs import stamped
from legato._engine import rules
from legato._model import transitions
from legato._model.errors import Conflict, InvalidRequest, ObjectNotFound
from legato._model.operations.flow_runs import OrchestrationResult
from legato._model.operations.task_runs import (
    CountTaskRuns,
    CreateTaskRun,
    DeleteTaskRun,
    FilterTaskRuns,
    MarkTaskRunSucceeded,
    ReadTaskRun,
    SetTaskRunState,
)
from legato._model.states import TERMINAL
from legato._model.task_runs import TaskRun
from legato._store import finding, results
from legato._store.port import Transaction
from legato._store.states import History
from legato._store.task_runs import TaskRuns

_NOBODY = UUID(int=0)


def create(tx: Transaction, now: datetime, request: CreateTaskRun) -> TaskRun:
    """Create a task run; raise Conflict if there is one of that id or step key."""
    run = request.task_run
    if not transitions.is_legal(transitions.TASK_RUN, None, run.state.type):
        raise InvalidRequest(f"state: A run cannot begin in {run.state.type.value}.")
    if finding.find_task_run(tx, run.id) is not None:
        raise Conflict(f"The task run {run.id} exists.")
    if run.flow_run_id is not None and finding.has_step(tx, run.flow_run_id, run.dynamic_key):
        raise Conflict(f"The flow run {run.flow_run_id} has a step {run.dynamic_key!r}.")
    history = History(tx)
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.create(run, 0)
    tasks.flush()
    history.flush(tx)
    return _read(tx, now, run.id)


def read(tx: Transaction, now: datetime, request: ReadTaskRun) -> TaskRun:
    """Return a task run; raise ObjectNotFound."""
    return _read(tx, now, request.task_run_id)


def _read(tx: Transaction, now: datetime, run_id: UUID) -> TaskRun:
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


def delete(tx: Transaction, now: datetime, request: DeleteTaskRun) -> None:
    """Delete a task run; raise ObjectNotFound."""
    _read(tx, now, request.task_run_id)
    results.condemn_of_task_runs(tx, [request.task_run_id])
    for part in ("task_run_tag", "task_run_state", "task_run_cache", "task_run"):
        tx.run(f"{part}.delete_of_task_runs", {"ids": [request.task_run_id]})


def mark_succeeded(tx: Transaction, now: datetime, request: MarkTaskRunSucceeded) -> TaskRun:
    """Have a task run that did not succeed stand as done; raise ObjectNotFound or Conflict."""
    marking.mark(tx, now, request)
    return _read(tx, now, request.task_run_id)


def set_state(tx: Transaction, now: datetime, request: SetTaskRunState) -> OrchestrationResult:
    """Propose a state for a task run; `force` skips no more than the end of a run allows."""
    history = History(tx)
    tasks = TaskRuns(tx, history, _NOBODY)
    tasks.load([request.task_run_id])
    work = tasks.works.get(request.task_run_id.int)
    if work is None:
        raise ObjectNotFound(f"There is no task run {request.task_run_id}.")
    proposed = stamped(request.state, work.id, work.version, now)
    verdict: rules.Verdict = rules.Accept(proposed)
    standing = "no state" if work.type is None else work.type.value
    if work.type in TERMINAL:
        verdict = rules.Abort(f"Run is already in terminal state {standing}.")
    elif not transitions.is_legal(transitions.TASK_RUN, work.type, proposed.type):
        verdict = rules.Abort(f"A run in state {standing} cannot enter {proposed.type.value}.")
    if isinstance(verdict, rules.Accept):
        tasks.follow(work, proposed)
    tasks.flush()
    history.flush(tx)
    return answers.of(verdict, _read(tx, now, request.task_run_id).state)
