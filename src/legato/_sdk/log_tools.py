"""Loggers for runs that are not active here, and tools for tests of code that logs."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from legato._sdk import run_logs
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext
from legato._sdk.run_logger import RunLogger

if TYPE_CHECKING:
    from typing import Self

    from legato._sdk.client.objects import FlowRun, TaskRun
    from legato._sdk.flow import Flow
    from legato._sdk.task import Task


class _FlowRunElsewhere(RunContext):
    """A flow run by its id and name; it may run in another process, or have ended."""

    __slots__ = ()
    noun = "Flow run"


def flow_run_logger(
    flow_run: FlowRun | None = None,
    flow: Flow[Any, Any] | None = None,
    flow_run_id: UUID | None = None,
    **kwargs: Any,
) -> RunLogger:
    """Return a logger whose lines belong to that flow run, wherever they are logged.

    Its records carry `kwargs`, too. Raises ValueError if neither a run nor an id is given.
    """
    run_id = flow_run.id if flow_run is not None else flow_run_id
    if run_id is None:
        raise ValueError("flow_run_logger needs a flow run: give `flow_run` or `flow_run_id`.")
    name = flow_run.name if flow_run is not None else str(run_id)
    run = _FlowRunElsewhere(run_id, name, {})
    named = {"flow_run_id": str(run_id), "flow_run_name": name}
    if flow is not None:
        named["flow_name"] = flow.name
    return RunLogger(run_logs.logger(run), {"legato_run": run, **named, **kwargs})


def task_run_logger(
    task_run: TaskRun,
    task: Task[Any, Any] | None = None,
    flow_run: FlowRun | None = None,
    flow: Flow[Any, Any] | None = None,
    **kwargs: Any,
) -> RunLogger:
    """Return a logger whose lines belong to that task run, wherever they are logged.

    Its records carry `kwargs`, too. `flow_run` and `flow` are those that are active, by default.
    """
    active = FlowRunContext.get()
    if active is not None and active.id == task_run.flow_run_id:
        flow_run, flow = flow_run or active.flow_run, flow or active.flow
    run = TaskRunContext(task_run.id, task_run.name, {})
    named = {"task_run_id": str(task_run.id), "task_run_name": task_run.name}
    run.flow_run_context = None
    if task_run.flow_run_id is not None:
        name = flow_run.name if flow_run is not None else str(task_run.flow_run_id)
        above = _FlowRunElsewhere(task_run.flow_run_id, name, {})
        run.flow_run_context = cast("FlowRunContext", above)
        named |= {"flow_run_id": str(above.id), "flow_run_name": name}
    if task is not None:
        named["task_name"] = task.name
    if flow is not None:
        named["flow_name"] = flow.name
    return RunLogger(run_logs.logger(run), {"legato_run": run, **named, **kwargs})


@contextmanager
def disable_run_logger() -> Generator[None]:
    """Let `get_run_logger` be called outside of runs; what run loggers are given is not logged.

    For tests of functions that log:

    >>> from legato import get_run_logger, task
    >>> @task
    ... def double(x: int) -> int:
    ...     get_run_logger().info("doubling %s", x)
    ...     return 2 * x
    >>> with disable_run_logger():
    ...     double.fn(2)
    4
    """
    RunLogger.silenced += 1
    try:
        yield
    finally:
        RunLogger.silenced -= 1


@contextmanager
def disable_logger(name: str) -> Generator[None]:
    """Switch a logger of the standard library off within the block."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


class LogEavesdropper(logging.Handler):
    """Collects what a logger, and those below it, are given within the block.

    >>> import logging
    >>> with LogEavesdropper("etl", level=logging.WARNING) as heard:
    ...     logging.getLogger("etl.load").warning("no rows")
    >>> heard.text()
    'no rows'
    """

    def __init__(self, eavesdrop_on: str, level: int = logging.NOTSET) -> None:
        super().__init__(level=level)
        self._target = logging.getLogger(eavesdrop_on)
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        self._target.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._target.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self._lines.append(self.format(record))

    def text(self) -> str:
        """Return the lines so far, as one text."""
        return "\n".join(self._lines)
