"""Notebooks and prompts: an interrupt ends what runs there, and the process goes on."""

from __future__ import annotations

import sys
from typing import Any

GRACE_SECONDS = 0.5
"""For so long an interrupted flow of a session waits for its tasks; then it leaves them alone."""


def go_on_after(signal: BaseException | None) -> bool:
    """Tell whether the process outlives a signal: Ctrl-C in a notebook or at a prompt."""
    return isinstance(signal, KeyboardInterrupt) and _is_session()


def _is_session() -> bool:
    if hasattr(sys, "ps1") or sys.flags.interactive or sys.flags.inspect:
        return True
    return shell() is not None


def shell() -> Any:
    """Return the shell of IPython that this process is, or None."""
    get_ipython: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if get_ipython is None else get_ipython()


def for_loop(exc: BaseException) -> BaseException:
    """Return what a coroutine may raise: Ctrl-C would end the loop, and with it the session."""
    if not go_on_after(exc):
        return exc
    import asyncio

    return asyncio.CancelledError().with_traceback(exc.__traceback__)
