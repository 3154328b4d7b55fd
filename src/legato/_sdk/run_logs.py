"""Log lines of runs: to the console and, through the journal, to the store."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from legato._model.logs import LogCreate
from legato._model.records import Logged
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext, current
from legato._settings.current import current as settings

if TYPE_CHECKING:
    import logging

    LoggerAdapter = logging.LoggerAdapter[logging.Logger]

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
_ROOT = "legato"
_TRUNCATED = "... [truncated: the line had {} characters]"


def prints_by_default() -> bool:
    """Tell whether runs log what they print when nothing says otherwise."""
    return settings().logging_log_prints


def say(context: RunContext, level: int, message: str, exc_info: Any = None) -> None:
    """Log a line of ours under a run; nobody asks which of our lines it came from."""
    import logging

    setup()
    log = logging.getLogger(_name(context))
    if log.isEnabledFor(level):
        details = _details(context)
        log.handle(
            log.makeRecord(log.name, level, __file__, 0, message, (), exc_info, extra=details)
        )


def logger(context: RunContext, **extra: Any) -> LoggerAdapter:
    """Return the logger of a run."""
    import logging

    setup()
    details = {**_details(context), **extra}
    return logging.LoggerAdapter(logging.getLogger(_name(context)), details)


def _name(context: RunContext) -> str:
    return f"{_ROOT}.task_runs" if isinstance(context, TaskRunContext) else f"{_ROOT}.flow_runs"


def _details(context: RunContext) -> dict[str, Any]:
    """What a record of a run carries beside the message."""
    found: dict[str, Any] = {"legato_run": context}
    found["run_name"], found["run_noun"] = context.name, context.noun
    flow: FlowRunContext | None = None
    if isinstance(context, TaskRunContext):
        found["task_run_id"] = str(context.id)
        found["task_run_name"] = context.name
        found["task_name"] = context.task.name
        flow = context.flow_run_context
    elif isinstance(context, FlowRunContext):
        flow = context
    if flow is not None:
        found["flow_run_id"] = str(flow.id)
        found["flow_run_name"] = flow.name
        found["flow_name"] = flow.flow.name
    return found


@cache
def setup() -> None:
    """Attach our handlers to our loggers, once; nobody else's loggers are touched."""
    import logging

    from legato._sdk.log_handlers import ConsoleHandler, JournalHandler

    root = logging.getLogger(_ROOT)
    if root.level == logging.NOTSET:
        root.setLevel(settings().logging_level)
    root.addHandler(JournalHandler())
    root.addHandler(ConsoleHandler())


def keep(context: RunContext, record: logging.LogRecord, message: str) -> None:
    """Write a log record of a run to the journal; an over-long line is cut, with a marker."""
    given = settings()
    if not given.logging_to_api_enabled:
        return
    limit = given.logging_to_api_max_log_size
    if len(message) > limit:
        message = message[:limit] + _TRUNCATED.format(len(message))
    flow = context.flow_run_context if isinstance(context, TaskRunContext) else context
    home = flow.backend if isinstance(flow, FlowRunContext) else None
    if home is None:
        from legato._sdk.services import backend

        home = backend()
    line = LogCreate(
        name=record.name,
        level=record.levelno,
        message=message,
        timestamp=home.clock.now(),
        flow_run_id=flow.id if flow is not None else None,
        task_run_id=context.id if isinstance(context, TaskRunContext) else None,
    )
    home.journal.append(Logged(line))


def print_logged(*args: Any, sep: str | None = " ", end: str | None = "\n") -> bool:
    """Log what a run with `log_prints` prints; False: there is no such run here."""
    context = current.get()
    if context is None or not context.log_prints:
        return False
    text = (" " if sep is None else sep).join(map(str, args))
    say(context, INFO, text)
    return True


@cache
def patch_print() -> None:
    """Let `print` ask whether the current run logs its prints; elsewhere it is as before."""
    import builtins
    from functools import wraps

    original = builtins.print

    @wraps(original)
    def print_(*args: Any, **kwargs: Any) -> None:
        target = kwargs.get("file")
        if target is None or target is sys.stdout:
            plain = {key: kwargs[key] for key in ("sep", "end") if key in kwargs}
            if print_logged(*args, **plain):
                return
        original(*args, **kwargs)

    builtins.print = print_
