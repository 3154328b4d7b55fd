"""Flows, runs, states, logs and what else clients receive."""

from legato._model.flow_runs import FlowRunPolicy
from legato._model.slots import Holder as ConcurrencyLeaseHolder
from legato._model.states import StateDetails, StateType
from legato._model.task_runs import FlowRunInput, ParameterInput, TaskRunInput
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
)
from legato._sdk.states import State

__all__ = [
    "Artifact",
    "ArtifactCollection",
    "ConcurrencyLeaseHolder",
    "ConcurrencyLimit",
    "Flow",
    "FlowRun",
    "FlowRunInput",
    "FlowRunPolicy",
    "GlobalConcurrencyLimit",
    "Log",
    "OrchestrationResult",
    "ParameterInput",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
    "TaskRunInput",
    "Variable",
]
