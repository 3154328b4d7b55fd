"""An attempt is one ownership of a flow run; what it leaves behind are steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from legato._model.states import State, StateType
from legato._model.transitions import COMMITTED, MARKED, ROLLED_BACK, ROLLING_BACK

CACHED = "Cached"
_UNDONE = frozenset({ROLLING_BACK, ROLLED_BACK})
_SETTLED = frozenset({COMMITTED, ROLLED_BACK, CACHED, MARKED})

REUSED_FROM = "legato.reused_from"
"""The label of a task run whose value was made by a task run of an earlier flow run: its id."""


class Attempt(Struct, kw_only=True):
    """One ownership of a flow run by a process; `number` is the epoch of what it wrote."""

    flow_run_id: UUID
    number: int
    writer_id: UUID
    host: str
    pid: int
    code_version: str | None = None
    code_files: dict[str, str] | None = None
    """Of a durable run: hashes of the project's files, by their paths from the flow's folder."""
    opened_at: datetime
    closed_at: datetime | None = None
    cause: str | None = None


class AttemptOpened(Struct, kw_only=True):
    """The next attempt of a flow run is open: its number, and where the run stands."""

    number: int
    version: int
    state: State


class Renewed(Struct, kw_only=True):
    """The runs whose leases a process has: held, held but to be cancelled, and those it lost."""

    held: list[UUID] = []
    cancelling: list[UUID] = []
    lost: list[UUID] = []


class Step(Struct, kw_only=True):
    """A task run of a flow run as the next attempt sees it."""

    task_run_id: UUID
    name: str
    step_key: str
    version: int
    state: State
    result_id: UUID | None = None
    result_body: bytes | None = None
    child_flow_run_id: UUID | None = None
    arguments: str | None = None
    """What the step was called with, as JSON, if that was recorded."""
    flow_run_id: UUID
    created_at: datetime
    tries: int = 0
    """In which try of its flow run it was called."""
    inputs: list[UUID] = []
    """The runs that its arguments came from."""
    labels: dict[str, Any] = {}

    @property
    def origin(self) -> UUID:
        """The task run that made the value: another one's, if it was reused from there."""
        found = self.labels.get(REUSED_FROM)
        return self.task_run_id if found is None else UUID(found)

    @property
    def is_finished(self) -> bool:
        """Whether it need not run again, as long as its result can be had."""
        return self.state.type is StateType.COMPLETED and self.state.name not in _UNDONE

    @property
    def is_open(self) -> bool:
        """Whether it did something that was neither committed nor rolled back, if it can be."""
        return self.state.type is StateType.COMPLETED and self.state.name not in _SETTLED
