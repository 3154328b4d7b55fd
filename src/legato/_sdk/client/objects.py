"""The public records of what the store holds."""

from __future__ import annotations

from legato._model import flow_runs, flows, logs, task_runs
from legato._sdk.records import Record, RecordMeta


class Flow(Record, flows.Flow, metaclass=RecordMeta):
    """A flow."""


class FlowRun(Record, flow_runs.FlowRun, metaclass=RecordMeta):
    """A flow run."""


class TaskRun(Record, task_runs.TaskRun, metaclass=RecordMeta):
    """A task run."""


class Log(Record, logs.Log, metaclass=RecordMeta):
    """A line that a run logged."""
