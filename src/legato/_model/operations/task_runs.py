"""Operations on task runs."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from legato._model.filters import FlowFilter, FlowRunFilter, TaskRunFilter, TaskRunSort
from legato._model.operations.flow_runs import OrchestrationResult, StateCreate
from legato._model.operations.spec import Operation, Spec
from legato._model.task_runs import TaskRun, TaskRunCreate


class CreateTaskRun(Operation):
    """Create a task run."""

    spec: ClassVar = Spec(
        id="task_runs.create",
        method="POST",
        path="/task_runs/",
        access="write",
        answer=TaskRun,
        status=201,
        body="task_run",
    )
    task_run: TaskRunCreate


class ReadTaskRun(Operation):
    """Read a task run."""

    spec: ClassVar = Spec(
        id="task_runs.read",
        method="GET",
        path="/task_runs/{task_run_id}",
        access="read",
        answer=TaskRun,
    )
    task_run_id: UUID


class FilterTaskRuns(Operation):
    """List task runs."""

    spec: ClassVar = Spec(
        id="task_runs.filter",
        method="POST",
        path="/task_runs/filter",
        access="read",
        answer=list[TaskRun],
    )
    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: int | None = None
    offset: int = 0
    after: UUID | None = None
    """The run that the page before ended with: cheaper than an offset, and nothing is skipped."""


class CountTaskRuns(Operation):
    """Count task runs."""

    spec: ClassVar = Spec(
        id="task_runs.count",
        method="POST",
        path="/task_runs/count",
        access="read",
        answer=int,
    )
    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None


class SetTaskRunState(Operation):
    """Propose a state; `force` stores it without asking the rules."""

    spec: ClassVar = Spec(
        id="task_runs.set_state",
        method="POST",
        path="/task_runs/{task_run_id}/set_state",
        access="write",
        answer=OrchestrationResult,
    )
    task_run_id: UUID
    state: StateCreate
    force: bool = False


class MarkTaskRunSucceeded(Operation):
    """Have a task run that did not succeed stand as done, with a value; a person says so."""

    spec: ClassVar = Spec(
        id="task_runs.mark_succeeded",
        method="POST",
        path="/task_runs/{task_run_id}/mark_succeeded",
        access="write",
        answer=TaskRun,
    )
    task_run_id: UUID
    value: Any = None
    """What JSON can hold, at most 64 KiB of it."""
    message: str | None = None


class DeleteTaskRun(Operation):
    """Delete a task run."""

    spec: ClassVar = Spec(
        id="task_runs.delete",
        method="DELETE",
        path="/task_runs/{task_run_id}",
        access="write",
        answer=None,
        status=204,
    )
    task_run_id: UUID
