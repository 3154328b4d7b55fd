"""The errors that Legato raises."""

from legato._model.errors import DefinitionError, Error, InvalidRequest, SettingsError
from legato._sdk.exceptions import (
    Abort,
    CancelledRun,
    ConfigurationError,
    CrashedRun,
    FailedRun,
    FlowRunTimeoutError,
    InvalidNameError,
    MissingContextError,
    MissingFlowError,
    MissingResult,
    ObjectAlreadyExists,
    ObjectNotFound,
    ParameterBindError,
    ParameterTypeError,
    PausedRun,
    ReservedArgumentError,
    ScriptError,
    SerializationError,
    TaskRunTimeoutError,
    TerminationSignal,
    UnfinishedRun,
)
from legato._sdk.records import ValidationError

PrefectException = Error

__all__ = [
    "Abort",
    "CancelledRun",
    "ConfigurationError",
    "CrashedRun",
    "DefinitionError",
    "Error",
    "FailedRun",
    "FlowRunTimeoutError",
    "InvalidNameError",
    "InvalidRequest",
    "MissingContextError",
    "MissingFlowError",
    "MissingResult",
    "ObjectAlreadyExists",
    "ObjectNotFound",
    "ParameterBindError",
    "ParameterTypeError",
    "PausedRun",
    "PrefectException",
    "ReservedArgumentError",
    "ScriptError",
    "SerializationError",
    "SettingsError",
    "TaskRunTimeoutError",
    "TerminationSignal",
    "UnfinishedRun",
    "ValidationError",
]
