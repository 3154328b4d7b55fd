"""What clients receive besides flows, runs and logs."""

from legato._sdk.client.objects import (
    DeploymentResponse,
    FlowRunSlotSummary,
    OrchestrationResult,
    WorkerFlowRunResponse,
    WorkPoolConcurrencyStatus,
    WorkQueueConcurrencyStatus,
    WorkQueueConcurrencyStatusDetail,
)

__all__ = [
    "DeploymentResponse",
    "FlowRunSlotSummary",
    "OrchestrationResult",
    "WorkPoolConcurrencyStatus",
    "WorkQueueConcurrencyStatus",
    "WorkQueueConcurrencyStatusDetail",
    "WorkerFlowRunResponse",
]
