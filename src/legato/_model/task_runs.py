"""A task run: one call of a task, and where it stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from legato._model.states import State, StateType


class TaskRunInput(Struct, kw_only=True, tag_field="input_type", tag="task_run"):
    """An argument that is the result of another task run."""

    id: UUID


class FlowRunInput(Struct, kw_only=True, tag_field="input_type", tag="flow_run"):
    """An argument that is the result of another flow run."""

    id: UUID


class ParameterInput(Struct, kw_only=True, tag_field="input_type", tag="parameter"):
    """An argument that is a parameter of the flow run."""

    name: str


class ConstantInput(Struct, kw_only=True, tag_field="input_type", tag="constant"):
    """An argument that comes from nowhere else; `type` is that of the value."""

    type: str


RunInput = TaskRunInput | FlowRunInput | ParameterInput | ConstantInput
PARENTS = "__parents__"
"""The name among `task_inputs` of the task run that this one was called in."""


class TaskRunPolicy(Struct, kw_only=True, omit_defaults=True):
    """How a task run is tried; the last of several delays counts for all further tries."""

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: float | list[float] | None = None
    retry_jitter_factor: float | None = None

    def __post_init__(self) -> None:
        """Take the older names of two fields for what the newer ones do not say."""
        if self.max_retries and not self.retries:
            self.retries = self.max_retries
        if self.retry_delay_seconds and not self.retry_delay:
            self.retry_delay = self.retry_delay_seconds


class TaskRun(Struct, kw_only=True):
    """A task run. Times are UTC; `dynamic_key` is its step key, unique in the flow run.

    Those of Prefect's clients are unique among the runs of one task (`task_key`) only.
    """

    id: UUID
    created: datetime
    updated: datetime
    name: str
    flow_run_id: UUID | None
    task_key: str
    dynamic_key: str
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = field(default_factory=TaskRunPolicy)
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}
    state_id: UUID | None = None
    task_inputs: dict[str, list[RunInput]] = {}
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: timedelta = timedelta(0)
    estimated_run_time: timedelta = timedelta(0)
    estimated_start_time_delta: timedelta = timedelta(0)
    state: State | None = None


class TaskRunCreate(Struct, kw_only=True, omit_defaults=True, gc=False):
    """What makes a task run; `state` is its first state.

    `code_hash`, `argument_hash` and `environment_hash` tell later runs whether this step may be
    reused; they are no part of the step key.
    """

    id: UUID
    name: str
    task_key: str
    dynamic_key: str
    state: State
    flow_run_id: UUID | None = None
    task_version: str | None = None
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}
    task_inputs: dict[str, list[RunInput]] = {}
    empirical_policy: TaskRunPolicy | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    code_hash: str | None = None
    argument_hash: str | None = None
    environment_hash: str | None = None
    arguments: str | None = None
    flow_run_run_count: int = 0


rare = attrgetter(
    "task_version", "arguments", "cache_key", "cache_expiration", "code_hash", "argument_hash",
    "environment_hash", "labels",
)  # fmt: skip
"""What most runs do not have, and their rows do not name then."""
NOTHING_RARE: tuple[Any, ...] = (*(None,) * 7, {})
