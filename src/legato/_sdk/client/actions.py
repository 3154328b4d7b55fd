"""What clients send to create and to change something."""

from __future__ import annotations

from legato._model import artifacts, concurrency_limits, deployments, variables
from legato._sdk.records import Record, RecordMeta


class VariableCreate(Record, variables.VariableCreate, metaclass=RecordMeta):
    """What makes a variable."""


class VariableUpdate(Record, variables.VariableUpdate, metaclass=RecordMeta):
    """What is to be changed of a variable; its name says of which."""


class ArtifactCreate(Record, artifacts.ArtifactCreate, metaclass=RecordMeta):
    """What makes an artifact."""


class ArtifactUpdate(Record, artifacts.ArtifactUpdate, metaclass=RecordMeta):
    """What is to be changed of an artifact."""


class ConcurrencyLimitCreate(
    Record, concurrency_limits.ConcurrencyLimitCreate, metaclass=RecordMeta
):
    """What makes a limit on a tag."""


class GlobalConcurrencyLimitCreate(
    Record, concurrency_limits.GlobalConcurrencyLimitCreate, metaclass=RecordMeta
):
    """What makes a limit."""


class GlobalConcurrencyLimitUpdate(
    Record, concurrency_limits.GlobalConcurrencyLimitUpdate, metaclass=RecordMeta
):
    """What is to be changed of a limit."""


class DeploymentUpdate(Record, deployments.DeploymentUpdate, metaclass=RecordMeta):
    """What is to be changed of a deployment."""
