"""Tasks."""

from legato._sdk.backoff import exponential_backoff
from legato._sdk.hash_functions import task_input_hash
from legato._sdk.options import TaskOptions
from legato._sdk.task import Task, task

__all__ = ["Task", "TaskOptions", "exponential_backoff", "task", "task_input_hash"]
