"""Filters and sorts of lists, under Prefect's names.

Leaf operators: `any_` is one of, `not_any_` none of, `all_` has all, `like_` contains (case does
not matter), `is_null_`, `before_` and `after_` (inclusive), `ge_`, `le_`. The fields of a filter
are joined by AND, or by its `operator`.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from legato._model.states import StateType
from legato._model.text_search import QUERY_MAX
from legato._model.workers import WorkerStatus


class Leaf(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A condition, or several, on one field."""


class Operator(str, Enum):
    """How the conditions of a filter are joined."""

    and_ = "and_"
    or_ = "or_"


class IdFilter(Leaf):
    """Conditions on an id; `ge_` and `le_` find those that begin alike."""

    any_: list[UUID] | None = None
    not_any_: list[UUID] | None = None
    ge_: UUID | None = None
    le_: UUID | None = None


class OptionalIdFilter(Leaf):
    """Conditions on an id that may be missing."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.and_


class NameFilter(Leaf):
    """Conditions on a name."""

    any_: list[str] | None = None
    like_: str | None = None


class TextFilter(Leaf):
    """Conditions on a text that may be missing."""

    any_: list[str] | None = None
    not_any_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.and_


class TagsFilter(Leaf):
    """Conditions on tags: all of, any of, or none at all."""

    all_: list[str] | None = None
    any_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.and_


class NullFilter(Leaf):
    """Whether there is none."""

    is_null_: bool | None = None
    operator: Operator = Operator.and_


class TimeFilter(Leaf):
    """Conditions on a time that may be missing."""

    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None


class StateTypeFilter(Leaf):
    """Conditions on a state's type."""

    any_: list[StateType] | None = None
    not_any_: list[StateType] | None = None


class StateNameFilter(Leaf):
    """Conditions on a state's name."""

    any_: list[str] | None = None
    not_any_: list[str] | None = None


class StateFilter(Leaf):
    """Conditions on the current state."""

    type: StateTypeFilter | None = None
    name: StateNameFilter | None = None
    operator: Operator = Operator.and_


class LevelFilter(Leaf):
    """Conditions on a log level."""

    ge_: int | None = None
    le_: int | None = None


class ExistsFilter(Leaf):
    """Whether there is one."""

    exists_: bool | None = None


class KeyFilter(Leaf):
    """Conditions on a key that may be missing."""

    any_: list[str] | None = None
    like_: str | None = None
    exists_: bool | None = None


class FlagFilter(Leaf):
    """Whether it is so."""

    eq_: bool | None = None


class AnyFilter(Leaf):
    """One of some texts."""

    any_: list[str] | None = None


class QueueNameFilter(Leaf):
    """Conditions on the name of a work queue."""

    any_: list[str] | None = None
    startswith_: list[str] | None = None


class LikeFilter(Leaf):
    """A part of a name."""

    like_: str | None = None


class FlowFilter(Leaf):
    """Which flows."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    tags: TagsFilter | None = None
    deployment: NullFilter | None = None
    operator: Operator = Operator.and_


class DeploymentFilter(Leaf):
    """Which deployments."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    flow_or_deployment_name: LikeFilter | None = None
    paused: FlagFilter | None = None
    tags: TagsFilter | None = None
    work_queue_name: AnyFilter | None = None
    operator: Operator = Operator.and_


class WorkPoolFilter(Leaf):
    """Which work pools."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    type: AnyFilter | None = None
    operator: Operator = Operator.and_


class WorkQueueFilter(Leaf):
    """Which work queues."""

    id: IdFilter | None = None
    name: QueueNameFilter | None = None
    operator: Operator = Operator.and_


class WorkerStatusFilter(Leaf):
    """Conditions on whether a worker was heard of lately."""

    any_: list[WorkerStatus] | None = None
    not_any_: list[WorkerStatus] | None = None


class WorkerFilter(Leaf):
    """Which workers."""

    last_heartbeat_time: TimeFilter | None = None
    status: WorkerStatusFilter | None = None
    operator: Operator = Operator.and_


class FlowRunFilter(Leaf):
    """Which flow runs."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    tags: TagsFilter | None = None
    deployment_id: OptionalIdFilter | None = None
    work_queue_name: TextFilter | None = None
    state: StateFilter | None = None
    flow_version: TextFilter | None = None
    start_time: TimeFilter | None = None
    end_time: TimeFilter | None = None
    expected_start_time: TimeFilter | None = None
    next_scheduled_start_time: TimeFilter | None = None
    parent_flow_run_id: OptionalIdFilter | None = None
    parent_task_run_id: OptionalIdFilter | None = None
    idempotency_key: TextFilter | None = None
    created_by: NullFilter | None = None
    operator: Operator = Operator.and_


class TaskRunFilter(Leaf):
    """Which task runs."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    tags: TagsFilter | None = None
    state: StateFilter | None = None
    start_time: TimeFilter | None = None
    end_time: TimeFilter | None = None
    expected_start_time: TimeFilter | None = None
    subflow_runs: ExistsFilter | None = None
    flow_run_id: OptionalIdFilter | None = None
    operator: Operator = Operator.and_


class SearchFilter(Leaf):
    """Words that are looked for, in the grammar of `text_search`."""

    query: Annotated[str, Meta(max_length=QUERY_MAX)]


class LogFilter(Leaf):
    """Which log lines."""

    level: LevelFilter | None = None
    text: SearchFilter | None = None
    timestamp: TimeFilter | None = None
    flow_run_id: IdFilter | None = None
    task_run_id: OptionalIdFilter | None = None
    operator: Operator = Operator.and_


class VariableFilter(Leaf):
    """Which variables."""

    id: IdFilter | None = None
    name: NameFilter | None = None
    tags: TagsFilter | None = None
    operator: Operator = Operator.and_


class ArtifactFilter(Leaf):
    """Which artifacts."""

    id: IdFilter | None = None
    key: KeyFilter | None = None
    flow_run_id: OptionalIdFilter | None = None
    task_run_id: OptionalIdFilter | None = None
    type: TextFilter | None = None
    operator: Operator = Operator.and_


class ArtifactCollectionFilter(Leaf):
    """Which keys of artifacts, by the latest artifact of each."""

    latest_id: IdFilter | None = None
    key: KeyFilter | None = None
    flow_run_id: OptionalIdFilter | None = None
    task_run_id: OptionalIdFilter | None = None
    type: TextFilter | None = None
    operator: Operator = Operator.and_


class FlowSort(str, Enum):
    """Orders of flows."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class DeploymentSort(str, Enum):
    """Orders of deployments."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class FlowRunSort(str, Enum):
    """Orders of flow runs."""

    ID_DESC = "ID_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class TaskRunSort(str, Enum):
    """Orders of task runs."""

    ID_DESC = "ID_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class LogSort(str, Enum):
    """Orders of log lines."""

    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


class VariableSort(str, Enum):
    """Orders of variables."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_DESC = "NAME_DESC"
    NAME_ASC = "NAME_ASC"


class ArtifactSort(str, Enum):
    """Orders of artifacts."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_DESC = "KEY_DESC"
    KEY_ASC = "KEY_ASC"


class ArtifactCollectionSort(str, Enum):
    """Orders of keys of artifacts."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_DESC = "KEY_DESC"
    KEY_ASC = "KEY_ASC"
