"""Flows, runs, states, logs and what else clients receive."""

from legato._model.flow_runs import FlowRunPolicy
from legato._model.slots import Holder as ConcurrencyLeaseHolder
from legato._model.states import StateDetails, StateType
from legato._model.task_runs import FlowRunInput as FlowRunResult
from legato._model.task_runs import ParameterInput as Parameter
from legato._model.task_runs import TaskRunInput as TaskRunResult
from legato._model.work_pools import WorkStatus as WorkPoolStatus
from legato._model.work_pools import WorkStatus as WorkQueueStatus
from legato._model.workers import WorkerStatus
from legato._sdk.client.objects import (
    Artifact,
    ArtifactCollection,
    ConcurrencyLimit,
    Flow,
    FlowRun,
    GlobalConcurrencyLimit,
    Log,
    OrchestrationResult,
    TaskRun,
    Variable,
    Worker,
    WorkPool,
    WorkPoolStorageConfiguration,
    WorkQueue,
    WorkQueueHealthPolicy,
    WorkQueueStatusDetail,
)
from legato._sdk.states import State

__all__ = [
    "Artifact",
    "ArtifactCollection",
    "ConcurrencyLeaseHolder",
    "ConcurrencyLimit",
    "Flow",
    "FlowRun",
    "FlowRunPolicy",
    "FlowRunResult",
    "GlobalConcurrencyLimit",
    "Log",
    "OrchestrationResult",
    "Parameter",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
    "TaskRunResult",
    "Variable",
    "WorkPool",
    "WorkPoolStatus",
    "WorkPoolStorageConfiguration",
    "WorkQueue",
    "WorkQueueHealthPolicy",
    "WorkQueueStatus",
    "WorkQueueStatusDetail",
    "Worker",
    "WorkerStatus",
]
