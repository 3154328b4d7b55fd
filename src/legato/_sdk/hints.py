"""Where a run can be looked at: said once, last, and only to people in a terminal."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from legato._sdk.context import FlowRunContext


class _Hint:
    """The outermost flow runs of this process that have ended."""

    def __init__(self) -> None:
        self.process = 0
        self.last: FlowRunContext | None = None
        self.several = False


_hint = _Hint()


def say_where(context: FlowRunContext) -> None:
    """Have the end of the process say how to look at this outermost flow run."""
    if context.outer is not None or context is _hint.last:
        return
    if _hint.process != os.getpid():  # at first, and in a forked child
        if _hint.process == 0:
            atexit.register(_say)
        _hint.process, _hint.last = os.getpid(), None
    _hint.several = _hint.last is not None
    _hint.last = context


def _say() -> None:
    run = _hint.last
    if run is None or _hint.process != os.getpid() or hasattr(sys, "ps1"):
        return
    try:
        if sys.stderr.isatty():
            sys.stderr.write(f"To look at {_what(run)}\n")
    except (AttributeError, OSError, ValueError):  # no stderr any more
        return


def _what(run: FlowRunContext) -> str:
    if _hint.several:
        return "these runs: legato flow-run ls"
    import shlex

    # a name that the flow makes may not be the run's alone
    word = run.name if run.flow.flow_run_name is None else str(run.id)
    return f"this run: legato flow-run inspect {shlex.quote(word)}"
