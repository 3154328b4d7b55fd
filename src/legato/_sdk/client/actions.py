"""What clients send to create and to change something."""

from __future__ import annotations

from legato._model import (
    artifacts,
    concurrency_limits,
    deployments,
    variables,
    work_pools,
    work_queues,
)
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


class WorkPoolCreate(Record, work_pools.WorkPoolCreate, metaclass=RecordMeta):
    """What makes a work pool."""


class WorkPoolUpdate(Record, work_pools.WorkPoolUpdate, metaclass=RecordMeta):
    """What is to be changed of a work pool."""


class WorkQueueCreate(Record, work_queues.WorkQueueCreate, metaclass=RecordMeta):
    """What makes a work queue."""


class WorkQueueUpdate(Record, work_queues.WorkQueueUpdate, metaclass=RecordMeta):
    """What is to be changed of a work queue."""
