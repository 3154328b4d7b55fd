"""Our frames are not the user's business: how they are hidden from tracebacks."""

from __future__ import annotations

import sys
from os.path import dirname
from typing import TYPE_CHECKING, Any

from legato._settings.current import current as settings

if TYPE_CHECKING:
    from types import TracebackType

HERE = dirname(dirname(__file__)) + "/"
_previous_hook: Any = None


def debugging() -> bool:
    """Tell whether LEGATO_DEBUG asks for everything."""
    return settings().debug


def is_ours(traceback: TracebackType) -> bool:
    """Tell whether the frame belongs to this package."""
    return traceback.tb_frame.f_code.co_filename.startswith(HERE)


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the frames of this package; relinks it in place."""
    while traceback is not None and is_ours(traceback):
        traceback = traceback.tb_next
    last = traceback
    while last is not None and last.tb_next is not None:
        if is_ours(last.tb_next):
            last.tb_next = last.tb_next.tb_next
        else:
            last = last.tb_next
    return traceback


def cut(exc: BaseException, seen: set[int] | None = None) -> None:
    """Take our frames out of an exception and of those that it came from."""
    if debugging():
        return
    seen = seen if seen is not None else set()
    if id(exc) in seen:
        return
    seen.add(id(exc))
    kept = without_our_frames(exc.__traceback__)
    if kept is not None:
        exc.__traceback__ = kept
    for other in (exc.__cause__, exc.__context__):
        if other is not None:
            cut(other, seen)


def install() -> None:
    """Cut our frames from what the interpreter prints of an uncaught exception; once."""
    global _previous_hook  # noqa: PLW0603 - the interpreter has one hook
    if _previous_hook is None:
        _previous_hook = sys.excepthook
        sys.excepthook = _print_uncaught


def _print_uncaught(
    kind: type[BaseException], exc: BaseException, traceback: TracebackType | None
) -> None:
    from legato._sdk import interrupts

    cut(exc)
    _previous_hook(kind, exc, exc.__traceback__)
    interrupts.leave_if_interrupted(exc)
