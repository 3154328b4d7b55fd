"""How a record of any logger comes to the run that is active where it is emitted.

Two methods of `logging.Logger` ask for that run. No logger gets a level or a handler that it did
not have, so whatever else is configured, before or later, works as without us
(docs/decisions/0013).
"""

from __future__ import annotations

import logging
import sys
import traceback
from functools import cache
from logging import Logger, LogRecord
from typing import Any

from legato._sdk import log_handlers
from legato._sdk.at_work import calls_users, held, raise_held_at, stands_for
from legato._sdk.context import RunContext, current
from legato._sdk.log_lines import keep
from legato._sdk.run_logs import LEVELS, showing
from legato._settings.current import current as settings

_enabled = Logger.isEnabledFor
_pass_on = Logger.callHandlers
_FROM_CALL = Logger._log.__code__  # noqa: SLF001
_HANDLE = Logger.handle.__code__


@cache
def install() -> None:
    """Have every logger ask for the active run, once."""
    patched: Any = Logger  # for checkers, methods are not variables
    patched.isEnabledFor = is_enabled_for
    patched.callHandlers = call_handlers


def is_enabled_for(self: Logger, level: int) -> bool:
    """Tell whether the logger's own levels let a record pass, or an active run wants it.

    Nothing is locked yet, so what the logging module has held up is raised here.
    """
    if held:
        raise_held_at(sys._getframe(1))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    if _enabled(self, level):
        return True
    if current.get() is None or level < LEVELS[settings().logging_level]:
        return False
    return not self.disabled and self.manager.disable < level and _has_no_level(self)


def _has_no_level(logger: Logger) -> bool:
    """Tell whether only the level of the root decides: that one is for the root's handlers."""
    above: Logger | None = logger
    while above is not None and above is not logging.root:
        if above.level:
            return False
        above = above.parent
    return True


@calls_users
@stands_for(_pass_on)
def call_handlers(self: Logger, record: LogRecord) -> None:
    """Keep the record under its run, and show it where its logger's handlers do, or on stderr."""
    own: RunContext | None = record.__dict__.get("legato_run")
    run = own or current.get()
    if run is None:
        _pass_on(self, record)
        return
    given = settings()
    # a run's own logger has been asked by its own level
    wanted = own is not None or record.levelno >= LEVELS[given.logging_level]
    if wanted:
        keep(run, record, given)
    here = current.get()
    before = showing.on
    showing.on = before or (here is not None and here.log_prints)
    try:
        if not logging.root.handlers and not self.hasHandlers():
            if wanted:
                log_handlers.console().handle(record)
        elif _enabled(self, record.levelno) or not _asked_for_by_run():
            _pass_on(self, record)  # to Python's last resort, if it has no handlers
    except Exception:  # noqa: BLE001 - the user's handlers; what they raise never ends a run
        _report(record)
    finally:
        showing.on = before


def _asked_for_by_run() -> bool:
    """Tell whether the record was made by a call that only the run enabled.

    A record that is made elsewhere and given to `Logger.handle` is shown whatever its level.
    """
    frame = sys._getframe(2)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    while frame.f_code is not _HANDLE and frame.f_back is not None:
        frame = frame.f_back  # of another tool that has replaced `callHandlers`
    return frame.f_back is not None and frame.f_back.f_code is _FROM_CALL


def _report(record: LogRecord) -> None:
    """Say on stderr that a handler raised, as handlers of the standard library do themselves."""
    if not logging.raiseExceptions:
        return
    try:
        where = f"{record.pathname}:{record.lineno}"
        sys.stderr.write(f"A handler raised on the log line of {where}\n{traceback.format_exc()}")
    except (AttributeError, OSError, ValueError):  # no stderr any more
        return
