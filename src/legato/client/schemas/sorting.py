"""Orders of lists."""

from legato._model.filters import (
    ArtifactCollectionSort,
    ArtifactSort,
    FlowRunSort,
    FlowSort,
    LogSort,
    TaskRunSort,
    VariableSort,
)

__all__ = [
    "ArtifactCollectionSort",
    "ArtifactSort",
    "FlowRunSort",
    "FlowSort",
    "LogSort",
    "TaskRunSort",
    "VariableSort",
]
