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

from typing import TYPE_CHECKING, Any, Literal, overload

from legato._sdk.context import tags
from legato._sdk.flow import Flow, flow
from legato._sdk.states import State
from legato._sdk.task import Task, task

if TYPE_CHECKING:
    import logging

    from legato._sdk.client.aio import Client
    from legato._sdk.client.sync import SyncClient

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


@overload
def get_client(*, sync_client: Literal[True]) -> SyncClient: ...


@overload
def get_client(*, sync_client: Literal[False] = False) -> Client: ...


def get_client(*, sync_client: bool = False) -> Client | SyncClient:
    """Return a client of the current backend, async unless `sync_client`.

    >>> from legato import get_client
    >>> with get_client(sync_client=True) as client:
    ...     runs = client.read_flow_runs(limit=5)
    """
    from legato._sdk import client

    return client.get_client(sync_client=True) if sync_client else client.get_client()


def get_run_logger(**extra: Any) -> logging.LoggerAdapter[logging.Logger]:
    """Return the logger of the active run; raise MissingContextError outside of runs."""
    from legato._sdk.run_logger import get_run_logger as make

    return make(**extra)
