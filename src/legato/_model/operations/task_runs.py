"""Operations on task runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from legato._model.errors import Conflict, ObjectNotFound
from legato._model.filters import TaskRunSort
from legato._model.operations.flow_runs import OrchestrationResult, StateCreate
from legato._model.operations.lists import OfRuns
from legato._model.operations.spec import Operation, Spec
from legato._model.task_runs import RunInput, TaskRun, TaskRunPolicy


class TaskRunRequest(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A task run that is asked for; without a state it begins Pending."""

    id: UUID | None = None
    state: StateCreate | None = None
    name: str | None = None
    flow_run_id: UUID | None = None
    task_key: str
    dynamic_key: str
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy | None = None
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}
    task_inputs: dict[str, list[RunInput]] = {}


class TaskRunUpdate(Struct, kw_only=True, omit_defaults=True):
    """What may be changed of a task run besides its state; what is UNSET stays."""

    name: str | UnsetType = UNSET


class CreateTaskRun(Operation):
    """Create a task run, or return the one of that task and key in the flow run."""

    spec: ClassVar = Spec(
        id="task_runs.create",
        method="POST",
        path="/task_runs/",
        access="write",
        answer=TaskRun,
        status=201,
        body="task_run",
        errors=(Conflict,),
    )
    task_run: TaskRunRequest


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


class FilterTaskRuns(OfRuns):
    """List task runs."""

    spec: ClassVar = Spec(
        id="task_runs.filter",
        method="POST",
        path="/task_runs/filter",
        access="read",
        answer=list[TaskRun],
        errors=(ObjectNotFound,),
    )
    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: int | None = None
    offset: int = 0
    after: UUID | None = None
    """The run that the page before ended with: cheaper than an offset, and nothing is skipped."""


class CountTaskRuns(OfRuns):
    """Count task runs."""

    spec: ClassVar = Spec(
        id="task_runs.count",
        method="POST",
        path="/task_runs/count",
        access="read",
        answer=int,
    )


class TaskRunPage(Struct, kw_only=True):
    """A page of task runs, counted from 1, and how many there are of both."""

    results: list[TaskRun]
    count: int
    limit: int
    pages: int
    page: int


class PaginateTaskRuns(OfRuns):
    """Read a page of task runs."""

    spec: ClassVar = Spec(
        id="task_runs.paginate",
        method="POST",
        path="/task_runs/paginate",
        access="read",
        answer=TaskRunPage,
    )
    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: int | None = None
    page: int = 1


class UpdateTaskRun(Operation):
    """Change a task run's name."""

    spec: ClassVar = Spec(
        id="task_runs.update",
        method="PATCH",
        path="/task_runs/{task_run_id}",
        access="write",
        answer=None,
        status=204,
        body="task_run",
    )
    task_run_id: UUID
    task_run: TaskRunUpdate


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
        errors=(Conflict,),
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
