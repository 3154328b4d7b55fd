"""What clients send and receive."""

from legato._model.flow_runs import FlowRunPolicy
from legato._model.states import StateDetails, StateType
from legato._sdk.client.objects import FlowRun, OrchestrationResult, TaskRun
from legato._sdk.states import State

__all__ = [
    "FlowRun",
    "FlowRunPolicy",
    "OrchestrationResult",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
]
