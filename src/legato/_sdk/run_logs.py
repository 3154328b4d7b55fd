"""Log lines of runs: to the console and, through the journal, to the store."""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from threading import local
from typing import TYPE_CHECKING, Any

from legato._sdk.at_work import held, raise_held_at, waits_for_long
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext, current
from legato._settings.current import current as settings

if TYPE_CHECKING:
    import logging

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
LEVELS = {"DEBUG": DEBUG, "INFO": INFO, "WARNING": WARNING, "ERROR": ERROR, "CRITICAL": 50}
_ROOT = "legato"
_shown = lru_cache(maxsize=64)(str)  # the same few ids again and again
_given: dict[str, int] = {}  # the levels that we set


class _Showing(local):
    on = False


showing = _Showing()
"""Whether handlers are at work in this thread: what they print is shown, not logged.

No context variable: until 3.12 Python collects garbage while it sets one, and would crash if a
finaliser that logs set another.
"""


def prints_by_default() -> bool:
    """Tell whether runs log what they print when nothing says otherwise."""
    return settings().logging_log_prints


def say(context: RunContext, level: int, message: str, exc_info: Any = None) -> None:
    """Log a line of ours under a run; nobody asks which of our lines it came from."""
    log = logger(context)
    if log.isEnabledFor(level):
        extra = details(context)
        record = log.makeRecord(log.name, level, __file__, 0, message, (), exc_info, extra=extra)
        try:
            log.handle(record)
        except Exception:  # noqa: BLE001 - the user's filters
            from legato._sdk.log_lines import keep

            keep(context, record, settings())


def logger(context: RunContext) -> logging.Logger:
    """Return the logger that runs of that kind share."""
    setup()
    given = settings()
    _give_levels(given.logging_level, given.logging_extra_loggers)
    log = _shared("task_runs" if isinstance(context, TaskRunContext) else "flow_runs")
    # dictConfig and fileConfig disable all loggers that they find; a run's lines are not theirs
    log.disabled = False
    return log


@cache
def _shared(kind: str) -> logging.Logger:
    import logging

    return logging.getLogger(f"{_ROOT}.{kind}")


def details(context: RunContext) -> dict[str, Any]:
    """Return what a record of a run carries beside the message."""
    found: dict[str, Any] = {"legato_run": context}
    flow: FlowRunContext | None = None
    if isinstance(context, TaskRunContext):
        found["task_run_id"] = _shown(context.id)
        found["task_run_name"] = context.name
        found["task_name"] = context.task.name
        flow = context.flow_run_context
    elif isinstance(context, FlowRunContext):
        flow = context
    if flow is not None:
        found["flow_run_id"] = _shown(flow.id)
        found["flow_run_name"] = flow.name
        found["flow_name"] = flow.flow.name
    return found


@cache
def setup() -> None:
    """Have all loggers ask for the active run, and ours show their lines; once."""
    import logging

    from legato._sdk import log_capture, log_handlers

    given = settings()
    _give_levels(given.logging_level, given.logging_extra_loggers)
    logging.getLogger(_ROOT).addHandler(log_handlers.console())
    log_capture.install()


@lru_cache(maxsize=1)  # again when the settings have changed
def _give_levels(level: str, extra: tuple[str, ...]) -> None:
    """Set the level of our loggers, and of those that are to have it and have none of their own."""
    import logging

    for name in (_ROOT, *extra):
        log = logging.getLogger(name)
        if log.level in (logging.NOTSET, _given.get(name)):
            log.setLevel(level)
            _given[name] = log.level


def print_logged(original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Log what a run with `log_prints` prints; False: there is no such run here."""
    context = current.get()
    if context is None or not context.log_prints or showing.on:
        return False
    if not kwargs:
        text = " ".join(map(str, args))
    else:
        from io import StringIO

        buffer = StringIO()
        original(*args, **{**kwargs, "file": buffer, "flush": False})
        text = buffer.getvalue().removesuffix("\n")
    showing.on = True  # a filter that prints would print for ever
    try:
        say(context, INFO, text)
    finally:
        showing.on = False
    return True


def patch_print() -> None:
    """Let `print` ask whether the current run logs its prints; elsewhere it is as before.

    Once in a process, and again where somebody else has put another one in its place since.
    """
    import builtins

    # not just any value: who wraps ours may have taken over its attributes
    if getattr(builtins.print, "asks", None) is not builtins.print:
        builtins.print = _asking(builtins.print)


def _asking(original: Any) -> Any:
    from functools import wraps

    @waits_for_long
    @wraps(original)
    def print_(*args: Any, **kwargs: Any) -> None:
        if held:
            raise_held_at(sys._getframe(1))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        target = kwargs.get("file")
        if (target is None or target is sys.stdout) and print_logged(original, args, kwargs):
            return
        original(*args, **kwargs)

    vars(print_)["asks"] = print_
    return print_
