"""Loggers for users."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from legato._sdk import run_logs
from legato._sdk.at_work import stands_for, waits_for_long
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.exceptions import MissingContextError

if TYPE_CHECKING:
    from typing import Self

_ROOT = "legato"


class LogAdapter(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records carry `extra` beside what a call adds."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Return message and arguments, with what records of this logger carry."""
        extra = kwargs.get("extra")
        kwargs["extra"] = {**extra, **(self.extra or {})} if extra else self.extra
        return msg, kwargs

    def getChild(  # noqa: N802 - the standard library's name
        self, suffix: str, extra: Mapping[str, Any] | None = None
    ) -> Self:
        """Return the logger below this one of that name, with more to carry."""
        return type(self)(self.logger.getChild(suffix), {**(self.extra or {}), **(extra or {})})


class RunLogger(LogAdapter):
    """A logger whose records carry the ids and names of a run."""

    silenced = 0
    """How many blocks of `disable_run_logger` there are around the program now."""

    @waits_for_long
    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the standard library's name
        """Tell whether a line of that level is wanted."""
        if RunLogger.silenced:
            return False
        # dictConfig and fileConfig disable all loggers that they find; a run's lines are not theirs
        self.logger.disabled = False
        return self.logger.isEnabledFor(level)

    @stands_for(LogAdapter.log)
    def log(self, level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log a line."""
        if self.isEnabledFor(level):
            message, found = self.process(msg, kwargs)
            # the logger's own `log` would ask for the level once more
            self.logger._log(level, message, args, **found)  # noqa: SLF001


def get_run_logger(
    context: FlowRunContext | TaskRunContext | None = None, **extra: Any
) -> RunLogger:
    """Return the logger of the active flow run or task run, or of the run whose context is given.

    Its records carry `flow_run_id`, `flow_run_name`, `flow_name`, those of the task run, and
    `extra`. Raises MissingContextError outside of runs; there, `logging.getLogger` or
    `legato.logging.get_logger` serves. Within `disable_run_logger` it logs nothing, anywhere.

    >>> get_run_logger()
    Traceback (most recent call last):
    ...
    legato._sdk.exceptions.MissingContextError: There is no active flow or task run. Call \
get_run_logger() inside one, or use logging.getLogger(__name__), whose lines belong to the run \
that is active.
    """
    context = context or current.get()
    if context is None and RunLogger.silenced:
        return RunLogger(logging.getLogger(_ROOT), extra)
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
