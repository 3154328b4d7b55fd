"""Loggers, under the name of the module in which Prefect has them."""

from legato._sdk.run_logger import get_logger, get_run_logger

__all__ = ["get_logger", "get_run_logger"]
