"""Task runners: where the submitted tasks of a flow run do their work."""

from legato._sdk.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

ConcurrentTaskRunner = ThreadPoolTaskRunner

__all__ = [
    "ConcurrentTaskRunner",
    "ProcessPoolTaskRunner",
    "TaskRunner",
    "ThreadPoolTaskRunner",
]
