"""A flow run that a transaction touches: whose attempt is its latest, and where it stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from legato._model.flow_runs import FlowRunDraft, FlowRunPolicy
from legato._model.records import Progress, Writer
from legato._model.states import State, StateType
from legato._model.timers import Timer
from legato._store import decode
from legato._store.standing import policy_of, type_of
from legato._store.states import Entered

ENDED = "ended"
"""`attempt.cause` of an attempt whose holder wrote the terminal state."""


class FlowOwner:
    """Which attempt of a flow run is the latest: what decides whether facts count.

    Records of epochs from `first_epoch` on count: of attempts that this one continues, too.
    """

    __slots__ = ("cause", "closed_at", "epoch", "first_epoch")
    epoch: int
    first_epoch: int
    closed_at: int | None
    cause: str | None

    def is_open(self, epoch: int) -> bool:
        """Tell whether facts of that attempt still count: it is the latest, not taken away."""
        return self.covers(epoch) and (self.closed_at is None or self.cause == ENDED)

    def covers(self, epoch: int) -> bool:
        """Tell whether an epoch is that of the latest attempt, or of one that this continues."""
        return self.first_epoch <= epoch <= self.epoch


class FlowWork(FlowOwner):
    """A flow run that the transaction touches.

    `holder` is the writer of its latest attempt, `opener` that writer if the attempt is new.
    """

    __slots__ = (
        "code_files",
        "code_version",
        "created",
        "created_at",
        "deployment_id",
        "encoded",
        "entered",
        "expected_at",
        "flow_id",
        "holder",
        "id",
        "infrastructure_pid",
        "name",
        "opener",
        "parent_task_run_id",
        "policy_text",
        "progress",
        "root_flow_run_id",
        "row",
        "scheduled_at",
        "sorted_at",
        "stored",
        "timer",
        "uid",
        "version",
    )
    id: UUID
    uid: Any
    flow_id: UUID
    name: str
    parent_task_run_id: UUID | None
    root_flow_run_id: UUID | None
    policy_text: str | None
    deployment_id: Any
    infrastructure_pid: str | None
    holder: UUID | None
    created: FlowRunDraft | None
    created_at: int
    encoded: tuple[Any, ...]
    code_files: dict[str, str] | None
    code_version: str | None
    opener: Writer | None
    stored: int
    sorted_at: int
    version: int
    entered: Entered
    progress: Progress
    row: tuple[Any, ...]
    """What was written of a run that is created, in the columns of `FLOW_RUN_CREATE`."""
    expected_at: Any
    scheduled_at: int | None
    timer: Timer | None

    @property
    def type(self) -> StateType | None:
        return type_of(self.entered[1])

    @property
    def state_id(self) -> UUID:
        return decode.uid(self.entered[0])

    def state(self) -> State | None:
        """Return the state that the run was read in."""
        known = (self.version, self.epoch, *self.entered)
        return None if self.type is None else decode.entered(known, self.id, None)

    @property
    def policy(self) -> FlowRunPolicy:
        return policy_of(self.policy_text)
