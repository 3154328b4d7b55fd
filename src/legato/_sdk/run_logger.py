"""Loggers for users."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from legato._sdk import run_logs
from legato._sdk.at_work import waits_for_long
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.exceptions import MissingContextError

_ROOT = "legato"


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry the ids and names of a run, beside what a call adds."""

    @waits_for_long
    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the standard library's name
        """Tell whether a line of that level is wanted."""
        # dictConfig and fileConfig disable all loggers that they find; a run's lines are not theirs
        self.logger.disabled = False
        return self.logger.isEnabledFor(level)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Return message and arguments, with what records of this run carry."""
        extra = kwargs.get("extra")
        kwargs["extra"] = {**extra, **(self.extra or {})} if extra else self.extra
        return msg, kwargs


def get_run_logger(
    context: FlowRunContext | TaskRunContext | None = None, **extra: Any
) -> RunLogger:
    """Return the logger of the active flow run or task run, or of the run whose context is given.

    Its records carry `flow_run_id`, `flow_run_name`, `flow_name`, those of the task run, and
    `extra`. Raises MissingContextError outside of runs; there, `logging.getLogger` or
    `legato.logging.get_logger` serves.

    >>> get_run_logger()
    Traceback (most recent call last):
    ...
    legato._sdk.exceptions.MissingContextError: There is no active flow or task run. Call \
get_run_logger() inside one, or use logging.getLogger(__name__), whose lines belong to the run \
that is active.
    """
    context = context or current.get()
    if context is None:
        raise MissingContextError(
            "There is no active flow or task run. Call get_run_logger() inside one, or use "
            "logging.getLogger(__name__), whose lines belong to the run that is active."
        )
    return RunLogger(run_logs.logger(context), {**run_logs.details(context), **extra})


def get_logger(name: str | None = None) -> logging.Logger:
    """Return the logger `legato`, or `legato.<name>`."""
    if name is None or name == _ROOT:
        return logging.getLogger(_ROOT)
    if name.startswith(_ROOT + "."):
        return logging.getLogger(name)
    return logging.getLogger(f"{_ROOT}.{name}")
