"""What clients receive besides flows, runs and logs."""

from legato._sdk.client.objects import (
    DeploymentResponse,
    OrchestrationResult,
    WorkerFlowRunResponse,
)

__all__ = ["DeploymentResponse", "OrchestrationResult", "WorkerFlowRunResponse"]
