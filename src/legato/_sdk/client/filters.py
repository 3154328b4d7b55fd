"""The filters as users make them: `FlowRunFilter(state={"type": {"any_": ["FAILED"]}})`.

The conditions on single fields have Prefect's names too: `FlowRunFilterId(any_=[...])`.
"""

from __future__ import annotations

from legato._model import filters
from legato._sdk.records import Record, RecordMeta


class FlowFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a flow."""


class FlowFilterName(Record, filters.NameFilter, metaclass=RecordMeta):
    """The name of a flow."""


class FlowFilterTags(Record, filters.TagsFilter, metaclass=RecordMeta):
    """The tags of a flow."""


class FlowFilter(Record, filters.FlowFilter, metaclass=RecordMeta):
    """Which flows."""


class FlowRunFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a flow run."""


class FlowRunFilterName(Record, filters.NameFilter, metaclass=RecordMeta):
    """The name of a flow run."""


class FlowRunFilterTags(Record, filters.TagsFilter, metaclass=RecordMeta):
    """The tags of a flow run."""


class FlowRunFilterDeploymentId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The deployment of a flow run."""


class FlowRunFilterWorkQueueName(Record, filters.TextFilter, metaclass=RecordMeta):
    """The work queue of a flow run."""


class FlowRunFilterStateType(Record, filters.StateTypeFilter, metaclass=RecordMeta):
    """The type of the state that a flow run is in."""


class FlowRunFilterStateName(Record, filters.StateNameFilter, metaclass=RecordMeta):
    """The name of the state that a flow run is in."""


class FlowRunFilterState(Record, filters.StateFilter, metaclass=RecordMeta):
    """The state that a flow run is in."""


class FlowRunFilterFlowVersion(Record, filters.TextFilter, metaclass=RecordMeta):
    """The version of the flow."""


class FlowRunFilterStartTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a flow run started."""


class FlowRunFilterEndTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a flow run ended."""


class FlowRunFilterExpectedStartTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a flow run should start."""


class FlowRunFilterNextScheduledStartTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a flow run is to start next."""


class FlowRunFilterParentFlowRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The flow run that a subflow run is in."""


class FlowRunFilterParentTaskRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The task run that stands for a subflow run."""


class FlowRunFilterIdempotencyKey(Record, filters.TextFilter, metaclass=RecordMeta):
    """The key that a flow run was created with."""


class FlowRunFilter(Record, filters.FlowRunFilter, metaclass=RecordMeta):
    """Which flow runs."""


class TaskRunFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a task run."""


class TaskRunFilterName(Record, filters.NameFilter, metaclass=RecordMeta):
    """The name of a task run."""


class TaskRunFilterTags(Record, filters.TagsFilter, metaclass=RecordMeta):
    """The tags of a task run."""


class TaskRunFilterStateType(Record, filters.StateTypeFilter, metaclass=RecordMeta):
    """The type of the state that a task run is in."""


class TaskRunFilterStateName(Record, filters.StateNameFilter, metaclass=RecordMeta):
    """The name of the state that a task run is in."""


class TaskRunFilterState(Record, filters.StateFilter, metaclass=RecordMeta):
    """The state that a task run is in."""


class TaskRunFilterSubFlowRuns(Record, filters.ExistsFilter, metaclass=RecordMeta):
    """Whether a task run stands for a subflow run."""


class TaskRunFilterStartTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a task run started."""


class TaskRunFilterEndTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a task run ended."""


class TaskRunFilterExpectedStartTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a task run should start."""


class TaskRunFilterFlowRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The flow run of a task run."""


class TaskRunFilter(Record, filters.TaskRunFilter, metaclass=RecordMeta):
    """Which task runs."""


class LogFilterLevel(Record, filters.LevelFilter, metaclass=RecordMeta):
    """The level of a line."""


class LogFilterTimestamp(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a line was logged."""


class LogFilterFlowRunId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The flow run of a line."""


class LogFilterTaskRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The task run of a line."""


class LogFilter(Record, filters.LogFilter, metaclass=RecordMeta):
    """Which log lines."""


class VariableFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a variable."""


class VariableFilterName(Record, filters.NameFilter, metaclass=RecordMeta):
    """The name of a variable."""


class VariableFilterTags(Record, filters.TagsFilter, metaclass=RecordMeta):
    """The tags of a variable."""


class VariableFilter(Record, filters.VariableFilter, metaclass=RecordMeta):
    """Which variables."""


class ArtifactFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of an artifact."""


class ArtifactFilterKey(Record, filters.KeyFilter, metaclass=RecordMeta):
    """The key of an artifact."""


class ArtifactFilterFlowRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The flow run of an artifact."""


class ArtifactFilterTaskRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The task run of an artifact."""


class ArtifactFilterType(Record, filters.TextFilter, metaclass=RecordMeta):
    """The type of an artifact."""


class ArtifactFilter(Record, filters.ArtifactFilter, metaclass=RecordMeta):
    """Which artifacts."""


class ArtifactCollectionFilterLatestId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of the latest artifact of a key."""


class ArtifactCollectionFilterKey(Record, filters.KeyFilter, metaclass=RecordMeta):
    """The key of artifacts."""


class ArtifactCollectionFilterFlowRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The flow run of the latest artifact of a key."""


class ArtifactCollectionFilterTaskRunId(Record, filters.OptionalIdFilter, metaclass=RecordMeta):
    """The task run of the latest artifact of a key."""


class ArtifactCollectionFilterType(Record, filters.TextFilter, metaclass=RecordMeta):
    """The type of the latest artifact of a key."""


class ArtifactCollectionFilter(Record, filters.ArtifactCollectionFilter, metaclass=RecordMeta):
    """Which keys of artifacts."""


class DeploymentFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a deployment."""


class DeploymentFilterName(Record, filters.NameFilter, metaclass=RecordMeta):
    """The name of a deployment."""


class DeploymentFilterWorkQueueName(Record, filters.AnyFilter, metaclass=RecordMeta):
    """The work queue of a deployment."""


class DeploymentFilterTags(Record, filters.TagsFilter, metaclass=RecordMeta):
    """The tags of a deployment."""


class DeploymentFilter(Record, filters.DeploymentFilter, metaclass=RecordMeta):
    """Which deployments."""


class WorkPoolFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a work pool."""


class WorkPoolFilterName(Record, filters.NameFilter, metaclass=RecordMeta):
    """The name of a work pool."""


class WorkPoolFilterType(Record, filters.AnyFilter, metaclass=RecordMeta):
    """The type of a work pool."""


class WorkPoolFilter(Record, filters.WorkPoolFilter, metaclass=RecordMeta):
    """Which work pools."""


class WorkQueueFilterId(Record, filters.IdFilter, metaclass=RecordMeta):
    """The id of a work queue."""


class WorkQueueFilterName(Record, filters.QueueNameFilter, metaclass=RecordMeta):
    """The name of a work queue."""


class WorkerFilterStatus(Record, filters.WorkerStatusFilter, metaclass=RecordMeta):
    """Whether a worker was heard of lately."""


class WorkerFilterLastHeartbeatTime(Record, filters.TimeFilter, metaclass=RecordMeta):
    """When a worker was heard of last."""


class WorkerFilter(Record, filters.WorkerFilter, metaclass=RecordMeta):
    """Which workers."""


class WorkQueueFilter(Record, filters.WorkQueueFilter, metaclass=RecordMeta):
    """Which work queues."""
