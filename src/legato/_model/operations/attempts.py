"""Operations on attempts of flow runs, and on the steps that they leave behind."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from legato._model.attempts import Attempt, AttemptOpened, Renewed, Step
from legato._model.environments import Environment
from legato._model.errors import Conflict
from legato._model.operations.spec import Operation, Spec
from legato._model.records import Writer
from legato._model.states import State
from legato._model.task_runs import TaskRunCreate


class OpenAttempt(Operation):
    """Go on with a flow run that ended without success; of two that ask for it one gets it."""

    spec: ClassVar = Spec(
        id="attempts.open",
        method="POST",
        path="/flow_runs/{flow_run_id}/attempts",
        access="write",
        answer=AttemptOpened,
        status=201,
        errors=(Conflict,),
    )
    flow_run_id: UUID
    number: int
    """The number that the new attempt is to have."""
    state: State
    writer: Writer
    code_version: str | None = None
    code_files: dict[str, str] | None = None
    environment: Environment | None = None
    parent: TaskRunCreate | None = None
    """For a subflow's run: the task run that stands for it in the new attempt of its parent."""
    parent_epoch: int = 0


class ListAttempts(Operation):
    """List the attempts of a flow run, oldest first."""

    spec: ClassVar = Spec(
        id="attempts.list_",
        method="GET",
        path="/flow_runs/{flow_run_id}/attempts",
        access="read",
        answer=list[Attempt],
    )
    flow_run_id: UUID


class ListSteps(Operation):
    """List the task runs of a flow run in the order of their calls, with their results."""

    spec: ClassVar = Spec(
        id="attempts.list_steps",
        method="GET",
        path="/flow_runs/{flow_run_id}/steps",
        access="read",
        answer=list[Step],
    )
    flow_run_id: UUID


class ReadEnvironment(Operation):
    """Read what the process of an attempt had installed; None: it did not tell."""

    spec: ClassVar = Spec(
        id="attempts.read_environment",
        method="GET",
        path="/writers/{writer_id}/environment",
        access="read",
        answer=Environment | None,
    )
    writer_id: UUID


class RenewAttempts(Operation):
    """Hold the runs of a process for another `lease_duration` seconds; tell how they stand."""

    spec: ClassVar = Spec(
        id="attempts.renew",
        method="POST",
        path="/writers/{writer_id}/renew",
        access="write",
        repeatable=True,
        answer=Renewed,
        lane="leases",
    )
    writer_id: UUID
    lease_duration: float


class CloseAttempts(Operation):
    """Close the runs of a process that has ended; or only some, whose code may still run."""

    spec: ClassVar = Spec(
        id="attempts.close",
        method="POST",
        path="/writers/{writer_id}/close",
        access="write",
        repeatable=True,
        answer=list[UUID],
        lane="leases",
    )
    writer_id: UUID
    flow_run_ids: list[UUID] | None = None
    """None: all runs, as the process has ended."""
    message: str | None = None
    timed_out: bool = False
    """The runs that are named took too long."""
