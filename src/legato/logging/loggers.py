"""Loggers, under the name of the module in which Prefect has them."""

from legato._sdk.log_tools import (
    LogEavesdropper,
    disable_logger,
    disable_run_logger,
    flow_run_logger,
    task_run_logger,
)
from legato._sdk.run_logger import LogAdapter as PrefectLogAdapter
from legato._sdk.run_logger import get_logger, get_run_logger

__all__ = [
    "LogEavesdropper",
    "PrefectLogAdapter",
    "disable_logger",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "task_run_logger",
]
