"""The public records of what the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from legato._model import (
    artifacts,
    concurrency_limits,
    deployments,
    flow_runs,
    flows,
    logs,
    task_runs,
    variables,
    work_pools,
    work_queues,
    work_slots,
    workers,
)
from legato._model.operations import flow_runs as operations
from legato._model.states import State as StateRecord
from legato._sdk.records import Record, RecordMeta
from legato._sdk.states import State

if TYPE_CHECKING:
    from msgspec import Struct

R = TypeVar("R", bound="RunRecord")


class StoredRecord(Record):
    """A record that the store holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        from legato._sdk import reprs

        return reprs.record(self)


class RunRecord(StoredRecord):
    """A record with a state, which becomes a public one too."""

    __slots__ = ()

    @classmethod
    def wrap(cls, struct: Struct) -> Self:
        """Return a model struct as the public record, its state likewise."""
        return _with_public_state(super().wrap(struct))

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Return a record of a mapping or of another record; raise ValidationError."""
        return _with_public_state(super().model_validate(obj))


def _with_public_state(made: R) -> R:
    state: Any = getattr(made, "state", None)
    if isinstance(state, StateRecord) and not isinstance(state, State):
        cast("Any", made).state = State.wrap(state)
    return made


class Flow(StoredRecord, flows.Flow, metaclass=RecordMeta):
    """A flow."""


class FlowRun(RunRecord, flow_runs.FlowRun, metaclass=RecordMeta):
    """A flow run."""

    def _repr_html_(self) -> str:
        from legato._sdk import html

        return html.run(self)


class TaskRun(RunRecord, task_runs.TaskRun, metaclass=RecordMeta):
    """A task run."""

    def _repr_html_(self) -> str:
        from legato._sdk import html

        return html.run(self)


class OrchestrationResult(RunRecord, operations.OrchestrationResult, metaclass=RecordMeta):
    """The answer to a proposed state, and the state that the run is in now."""


class Log(StoredRecord, logs.Log, metaclass=RecordMeta):
    """A line that a run logged."""


class DeploymentResponse(StoredRecord, deployments.Deployment, metaclass=RecordMeta):
    """A deployment: a flow with where its code is and what its runs begin with."""


class Variable(StoredRecord, variables.Variable, metaclass=RecordMeta):
    """A variable."""


class Artifact(StoredRecord, artifacts.Artifact, metaclass=RecordMeta):
    """An artifact."""


class ArtifactCollection(StoredRecord, artifacts.ArtifactCollection, metaclass=RecordMeta):
    """A key with the latest artifact that has it."""


class GlobalConcurrencyLimit(
    StoredRecord, concurrency_limits.GlobalConcurrencyLimit, metaclass=RecordMeta
):
    """A concurrency limit or rate limit."""


class ConcurrencyLimit(StoredRecord, concurrency_limits.ConcurrencyLimit, metaclass=RecordMeta):
    """How many task runs with a tag may run at once."""


class WorkPoolStorageConfiguration(Record, work_pools.StorageConfiguration, metaclass=RecordMeta):
    """How code that is sent along with a run gets to a job of a pool, and where results lie."""


class WorkPool(StoredRecord, work_pools.WorkPool, metaclass=RecordMeta):
    """A work pool: where runs wait for workers of one type."""


class WorkQueue(StoredRecord, work_queues.WorkQueue, metaclass=RecordMeta):
    """A work queue: some of the runs of a work pool, with a rank and a limit of their own."""


class Worker(StoredRecord, workers.Worker, metaclass=RecordMeta):
    """A worker: a process that fetches the runs of a work pool and starts them."""


class WorkerFlowRunResponse(Record, workers.WorkerFlowRun, metaclass=RecordMeta):
    """A run that a worker may start, and where it lies."""

    @classmethod
    def wrap(cls, struct: Struct) -> Self:
        """Return a model struct as the public record, its run likewise."""
        made: Any = super().wrap(struct)
        made.flow_run = FlowRun.wrap(made.flow_run)
        return cast("Self", made)


class FlowRunSlotSummary(Record, work_slots.SlotHolder, metaclass=RecordMeta):
    """A run that has a slot of a work queue."""


class WorkQueueConcurrencyStatusDetail(Record, work_slots.QueueSlots, metaclass=RecordMeta):
    """A queue of a pool with the first of its runs that have slots."""


class WorkPoolConcurrencyStatus(Record, work_slots.PoolSlotsPage, metaclass=RecordMeta):
    """A page of the queues of a pool, and which runs have their slots."""


class WorkQueueConcurrencyStatus(Record, work_slots.QueueSlotsPage, metaclass=RecordMeta):
    """A page of the runs that have slots of a queue."""


class WorkQueueHealthPolicy(Record, work_queues.HealthPolicy, metaclass=RecordMeta):
    """What a healthy queue keeps to."""


class WorkQueueStatusDetail(Record, work_queues.WorkQueueHealth, metaclass=RecordMeta):
    """Whether the runs of a queue are fetched."""
