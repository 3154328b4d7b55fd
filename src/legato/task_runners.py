"""Task runners: where the submitted tasks of a flow run do their work."""

from legato._sdk.dask_runner import DaskTaskRunner
from legato._sdk.ray_runner import RayTaskRunner, remote_options
from legato._sdk.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

ConcurrentTaskRunner = ThreadPoolTaskRunner

__all__ = [
    "ConcurrentTaskRunner",
    "DaskTaskRunner",
    "ProcessPoolTaskRunner",
    "RayTaskRunner",
    "TaskRunner",
    "ThreadPoolTaskRunner",
    "remote_options",
]
