"""Loggers for users."""

from __future__ import annotations

import logging
from typing import Any

from legato._sdk import run_logs
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.exceptions import MissingContextError

_ROOT = "legato"


def get_run_logger(
    context: FlowRunContext | TaskRunContext | None = None, **extra: Any
) -> logging.LoggerAdapter[logging.Logger]:
    """Return the logger of the active flow run or task run, or of the run whose context is given.

    Raises MissingContextError outside of runs; there, `logging.getLogger` or
    `legato.logging.get_logger` serves.
    """
    context = context or current.get()
    if context is None:
        raise MissingContextError(
            "There is no active flow or task run. Call get_run_logger() inside one, or use "
            "legato.logging.get_logger()."
        )
    return run_logs.logger(context, **extra)


def get_logger(name: str | None = None) -> logging.Logger:
    """Return the logger `legato`, or `legato.<name>`."""
    if name is None or name == _ROOT:
        return logging.getLogger(_ROOT)
    if name.startswith(_ROOT + "."):
        return logging.getLogger(name)
    return logging.getLogger(f"{_ROOT}.{name}")
