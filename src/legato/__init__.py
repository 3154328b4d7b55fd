"""Legato: a workflow orchestrator for Python.

>>> from legato import flow, task
>>> @task
... def double(x: int) -> int:
...     return 2 * x
>>> @flow
... def calculate(x: int) -> int:
...     return double(x) + 1
>>> calculate(20)
41
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from legato._sdk.annotations import allow_failure, unmapped
    from legato._sdk.client import get_client
    from legato._sdk.context import tags
    from legato._sdk.flow import Flow, flow
    from legato._sdk.run_logger import get_run_logger
    from legato._sdk.states import State
    from legato._sdk.task import Task, task

__version__ = "0.1.0"
__all__ = [
    "Flow",
    "State",
    "Task",
    "__version__",
    "allow_failure",
    "flow",
    "get_client",
    "get_run_logger",
    "tags",
    "task",
    "unmapped",
]

# The command line and the server import this package without what users import from it.
_HOMES = {
    "Flow": "flow",
    "State": "states",
    "Task": "task",
    "allow_failure": "annotations",
    "flow": "flow",
    "get_client": "client",
    "get_run_logger": "run_logger",
    "tags": "context",
    "task": "task",
    "unmapped": "annotations",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'legato' has no attribute {name!r}")
    value = getattr(import_module(f"legato._sdk.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
