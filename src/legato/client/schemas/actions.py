"""What clients send."""

from legato._sdk.client.actions import (
    ArtifactCreate,
    ArtifactUpdate,
    ConcurrencyLimitCreate,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    VariableCreate,
    VariableUpdate,
)

__all__ = [
    "ArtifactCreate",
    "ArtifactUpdate",
    "ConcurrencyLimitCreate",
    "GlobalConcurrencyLimitCreate",
    "GlobalConcurrencyLimitUpdate",
    "VariableCreate",
    "VariableUpdate",
]
