"""Flows, runs, states and logs as clients receive them."""

from legato._model.flow_runs import FlowRunPolicy
from legato._model.states import StateDetails, StateType
from legato._model.task_runs import FlowRunInput as FlowRunResult
from legato._model.task_runs import ParameterInput as Parameter
from legato._model.task_runs import TaskRunInput as TaskRunResult
from legato._sdk.client.objects import Flow, FlowRun, Log, OrchestrationResult, TaskRun
from legato._sdk.states import State

__all__ = [
    "Flow",
    "FlowRun",
    "FlowRunPolicy",
    "FlowRunResult",
    "Log",
    "OrchestrationResult",
    "Parameter",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
    "TaskRunResult",
]
