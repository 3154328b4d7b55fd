"""A flow run: what was asked for, and where it stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, field

from legato._model.states import State, StateType

_LONGEST_DELAY = 2**31


class FlowRunPolicy(Struct, kw_only=True, omit_defaults=True):
    """How a flow run is tried, frozen when it is created."""

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: int | None = None
    pause_keys: list[str] = []
    resuming: bool | None = False
    retry_type: str | None = None

    def __post_init__(self) -> None:
        """Take the older names of two fields for what the newer ones do not say."""
        if self.max_retries and not self.retries:
            self.retries = self.max_retries
        if 0 < self.retry_delay_seconds < _LONGEST_DELAY and not self.retry_delay:
            self.retry_delay = ceil(self.retry_delay_seconds)


class FlowRun(Struct, kw_only=True):
    """A flow run. Times are UTC; `total_run_time` is what was spent in RUNNING states."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    flow_id: UUID
    state_id: UUID | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    flow_version: str | None = None
    parameters: dict[str, Any] = {}
    idempotency_key: str | None = None
    context: dict[str, Any] = {}
    empirical_policy: FlowRunPolicy = field(default_factory=FlowRunPolicy)
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}
    parent_task_run_id: UUID | None = None
    root_flow_run_id: UUID | None = None
    run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: timedelta = timedelta(0)
    estimated_run_time: timedelta = timedelta(0)
    estimated_start_time_delta: timedelta = timedelta(0)
    auto_scheduled: bool = False
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    job_variables: dict[str, Any] | None = None
    created_by: dict[str, Any] | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    state: State | None = None
    entrypoint: str | None = None
    """Where the flow is: `FILE:FUNCTION`, or `MODULE:FUNCTION`."""
    durable: bool = False
    rerun_of: UUID | None = None
    """The run that this one does again."""
    parameters_id: UUID | None = None
    """The stored result that holds parameters which JSON cannot give back."""


class FlowRunDraft(Struct, kw_only=True, omit_defaults=True):
    """What makes a flow run, besides the state that it begins in."""

    id: UUID | None = None
    name: str | None = None
    flow_id: UUID | None = None
    flow_version: str | None = None
    parameters: dict[str, Any] = {}
    context: dict[str, Any] = {}
    parent_task_run_id: UUID | None = None
    root_flow_run_id: UUID | None = None
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    idempotency_key: str | None = None
    empirical_policy: FlowRunPolicy = field(default_factory=FlowRunPolicy)
    tags: list[str] = []
    labels: dict[str, str | int | float | bool] = {}
    job_variables: dict[str, Any] | None = None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    entrypoint: str | None = None
    durable: bool = False
    rerun_of: UUID | None = None
    parameters_id: UUID | None = None


class FlowRunCreate(FlowRunDraft, kw_only=True, omit_defaults=True):
    """What makes a flow run, with the state that it begins in."""

    state: State | None = None


class FlowRunUpdate(Struct, kw_only=True, omit_defaults=True):
    """What may be changed of a flow run besides its state; what is UNSET stays."""

    name: str | UnsetType = UNSET
    flow_version: str | None | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    empirical_policy: FlowRunPolicy | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    labels: dict[str, str | int | float | bool] | UnsetType = UNSET
    infrastructure_pid: str | None | UnsetType = UNSET
    job_variables: dict[str, Any] | None | UnsetType = UNSET
