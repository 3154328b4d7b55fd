"""The errors that users catch, under the names they know.

Error (legato._model.errors)
  RunError: FailedRun  CrashedRun  CancelledRun  PausedRun  UnfinishedRun  MissingResult
    CorruptResult  ReplayChanged  StepNotCommitted
    UpstreamTaskError
  NotAwaitedError  MappingLengthMismatch  MappingMissingIterable
  ParameterError: ParameterTypeError  ParameterBindError  ReservedArgumentError
  MissingContextError  InvalidNameError  MissingFlowError  MissingTaskError
  ScriptError  SerializationError
  HashError  StorageError: NotStored  UnnamedStorage  CorruptResult
  ObjectNotFound  ObjectAlreadyExists  ValidationError  ConfigurationError
  FlowRunTimeoutError  TaskRunTimeoutError  VariableExists
  FlowVisualizationError  GraphvizImportError
  ConcurrencySlotAcquisitionError  AcquireConcurrencySlotTimeoutError
BaseException: TerminationSignal  Abort
"""

from __future__ import annotations

from typing import Any

from legato._model import errors
from legato._model.errors import Error

ObjectNotFound = errors.ObjectNotFound
ObjectAlreadyExists = errors.Conflict


class RunError(Error):
    """A run has no value to give."""


class FailedRun(RunError):
    """The run failed."""

    code = "failed_run"


class CrashedRun(RunError):
    """The run crashed."""

    code = "crashed_run"


class CancelledRun(RunError):
    """The run was cancelled."""

    code = "cancelled_run"


class PausedRun(RunError):
    """The run is paused."""

    code = "paused_run"


class UnfinishedRun(RunError):
    """The run has not finished."""

    code = "unfinished_run"


class StorageError(Error):
    """A storage of results could not be used."""

    code = "storage"


class NotStored(StorageError):
    """There is no object at this place in the storage."""

    code = "not_stored"


class UnnamedStorage(StorageError):
    """The object lies in no storage that this process was told of."""

    code = "unnamed_storage"


class ReplayChanged(RunError):
    """A call has other inputs than the step that was finished in its place."""


class StepNotCommitted(RunError):
    """What a durable step has done could not be committed."""


class CorruptResult(RunError, StorageError):
    """The bytes of a stored result are not those that were stored."""

    code = "corrupt_result"


class MissingResult(RunError):
    """The value of the run is not known here."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message
            or "State data is missing. Typically, this occurs when result persistence is disabled"
            " and the state has been retrieved from the API."
        )
        if message is None:
            self.add_note(
                "A state has its value where the run was called. One that is read back has it if "
                "the result was stored: persist_result=True stores any, without it small plain "
                "ones are."
            )

    code = "missing_result"


class UpstreamTaskError(RunError):
    """A run that an argument stands for did not complete; its exception is the cause."""

    code = "upstream_failed"

    def __init__(self, message: str | None = None, state: Any = None) -> None:
        super().__init__(message)
        self.state = state


class NotAwaitedError(Error, RuntimeError):
    """The coroutine of an async task or flow was not awaited by the end of the flow run."""

    code = "not_awaited"


class MappingLengthMismatch(Error):
    """The iterables that a task is mapped over have different lengths."""

    code = "mapping_length_mismatch"


class MappingMissingIterable(Error):
    """A task is mapped over nothing."""

    code = "mapping_missing_iterable"


class ParameterTypeError(Error, TypeError):
    """A parameter does not pass its type annotation."""

    code = "parameter_type"


class ParameterBindError(Error, TypeError):
    """The arguments do not fit the function's signature."""

    code = "parameter_bind"


class ReservedArgumentError(errors.DefinitionError, TypeError):
    """The function has a parameter whose name the framework needs."""

    code = "reserved_argument"


class InvalidNameError(errors.DefinitionError, ValueError):
    """The name has a character that names may not have."""

    code = "invalid_name"


class MissingContextError(Error, RuntimeError):
    """There is no active flow or task run."""

    code = "missing_context"


class MissingFlowError(Error):
    """The file has no flow of that name."""

    code = "missing_flow"


class MissingTaskError(Error, LookupError):
    """A run, or the code that it would run now, has not the task that is meant."""

    code = "missing_task"


class ScriptError(Error):
    """The file with the flow could not be loaded."""

    code = "script"


class SerializationError(Error):
    """The value could not be turned into bytes, or back."""

    code = "serialization"


class HashError(Error, ValueError):
    """The value has no content that could be hashed."""

    code = "hash"


class ConfigurationError(Error, ValueError):
    """Options that do not go together, or name something that is not there."""

    code = "configuration"


class FlowRunTimeoutError(Error, TimeoutError):
    """The flow run took longer than its `timeout_seconds`."""

    code = "flow_run_timeout"


class TaskRunTimeoutError(Error, TimeoutError):
    """The task run took longer than its `timeout_seconds`."""

    code = "task_run_timeout"


class FlowVisualizationError(Error):
    """The flow cannot be drawn."""

    code = "visualization"


class GraphvizImportError(Error, ImportError):
    """Graphviz is not installed."""

    code = "graphviz"


class VariableExists(errors.Conflict, ValueError):
    """There is a variable of that name; `overwrite=True` replaces it."""

    code = "variable_exists"


class ConcurrencySlotAcquisitionError(Error):
    """The slots of a concurrency limit could not be taken."""

    code = "slots"


class AcquireConcurrencySlotTimeoutError(Error, TimeoutError):
    """The slots of a concurrency limit were not free in time."""

    code = "slots_timeout"


class TerminationSignal(BaseException):
    """The process was asked to end (SIGTERM)."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal

    def __str__(self) -> str:
        return f"signal {self.signal}"


class Abort(BaseException):
    """The run may not go on: its proposal was refused for good."""
