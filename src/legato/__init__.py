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

from typing import Any

from legato._sdk.context import tags
from legato._sdk.flow import Flow, flow
from legato._sdk.states import State
from legato._sdk.task import Task, task

__version__ = "0.1.0"
__all__ = [
    "Flow",
    "State",
    "Task",
    "__version__",
    "flow",
    "get_client",
    "get_run_logger",
    "tags",
    "task",
]


def get_client(*, sync_client: bool = False) -> Any:
    """Return a client of the current backend, async unless `sync_client`."""
    from legato._sdk.client import get_client as make

    return make(sync_client=sync_client)


def get_run_logger(**extra: Any) -> Any:
    """Return the logger of the active run; raise MissingContextError outside of runs."""
    from legato._sdk.run_logger import get_run_logger as make

    return make(**extra)
