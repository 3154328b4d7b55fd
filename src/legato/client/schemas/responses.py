"""What clients receive besides flows, runs and logs."""

from legato._sdk.client.objects import OrchestrationResult

__all__ = ["OrchestrationResult"]
