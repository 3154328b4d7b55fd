"""Loggers of runs and of Legato."""

from legato._sdk.log_tools import LogEavesdropper, disable_run_logger
from legato._sdk.run_logger import get_logger, get_run_logger

__all__ = ["LogEavesdropper", "disable_run_logger", "get_logger", "get_run_logger"]
