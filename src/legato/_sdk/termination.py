"""SIGTERM outside of flows: what tasks recorded is committed before the process dies.

Inside a flow `interrupts` sees to it. A handler that the user has set is left alone.

A child of multiprocessing, or one that was forked, commits each of its runs as it ends, so SIGTERM
may end it at once. It must: a signal that arrives in the very moment in which a wait begins is not
seen by a handler in Python, and whoever terminates a pool would wait for its idle worker for ever.
"""

from __future__ import annotations

import threading
from functools import cache

from legato._journal import forks
from legato._sdk import platform_posix as platform

FLUSH_SECONDS = 2.0


def flush_when_terminated(is_child: bool) -> None:
    """Have SIGTERM commit what is buffered and then end the process as ever.

    Not a child, whose runs are committed already.
    """
    if not is_child:
        _stand_in()


@cache
def _stand_in() -> None:
    platform.stand_in_for_default_terminate(_begin)
    forks.follow(_InChild())


class _InChild:
    """A forked child is ended as its parent was before."""

    def before_fork(self) -> None: ...

    def after_in_parent(self) -> None: ...

    def after_in_child(self) -> None:
        platform.give_terminate_back()


def _begin() -> None:
    # on a thread of its own: our code may be at work on this one, and hold the journal's turn
    threading.Thread(target=_flush_and_end, daemon=True).start()


def _flush_and_end() -> None:
    from legato._backend.current import finish

    try:
        finish(FLUSH_SECONDS)
    finally:
        platform.terminate()
