"""Whose code is at work on a thread: signals may raise in the user's only.

A signal comes in between any two instructions. An exception between two of ours that belong
together would lose a transition, or leave a run without an end. So it waits until the user's code
is at work, or calls us next.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from os.path import dirname
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from types import CodeType, FrameType

F = TypeVar("F", bound=Callable[..., Any])

HERE = dirname(dirname(__file__)) + "/"
# An exception there may leave a handler locked for the rest of the process.
_LOGGING = dirname(os.__file__) + "/logging/__init__.py"
_callers: set[CodeType] = set()
_waits: set[CodeType] = set()


class Alarm(Protocol):
    """An exception that is due on a thread."""

    @property
    def thread_id(self) -> int:
        """The thread."""
        ...

    def take(self) -> BaseException:
        """Return the exception; it is not raised a second time."""
        ...


held: list[Alarm] = []
"""Alarms that came while our code was at work."""


def hold(alarm: Alarm) -> None:
    """Keep an alarm for the next call of `raise_held` on its thread."""
    if alarm not in held:
        held.append(alarm)


def drop(alarm: Alarm) -> None:
    """Forget an alarm whose time is over."""
    if alarm in held:
        held.remove(alarm)


def raise_held() -> None:
    """Raise what is held for this thread; nothing of a new run may have begun."""
    me = get_ident()
    for alarm in tuple(held):
        if alarm.thread_id == me:
            drop(alarm)
            raise alarm.take()


def raise_held_at(frame: FrameType | None) -> None:
    """Raise what is held for this thread if it is the user's code that asks a logger there."""
    while frame is not None and frame.f_code.co_filename == _LOGGING:
        frame = frame.f_back
    if not is_ours(frame):
        raise_held()


def calls_users(fn: F) -> F:
    """Mark a function: what it calls outside of this package is the user's code."""
    _callers.add(fn.__code__)
    return fn


def waits_for_long(fn: F) -> F:
    """Mark a function that does nothing but wait and may be left at any moment."""
    _waits.add(fn.__code__)
    return fn


def stands_for(original: Callable[..., Any]) -> Callable[[F], F]:
    """Let a function's frame look like that of the function which it replaces.

    Handlers look for the frame that logged and pass over those of the logging module, by file.
    """

    def disguise(fn: F) -> F:
        code = original.__code__
        fn.__code__ = fn.__code__.replace(
            co_filename=code.co_filename, co_firstlineno=code.co_firstlineno
        )
        return fn

    return disguise


def is_wait(frame: FrameType) -> bool:
    """Tell whether that frame does nothing but wait."""
    return frame.f_code in _waits


def is_ours(top: FrameType | None) -> bool:
    """Tell whether an exception at this frame, the innermost one, would come up in our code.

    What the standard library's logging does itself counts as ours; what a handler calls does not.
    """
    if top is not None and top.f_code.co_filename == _LOGGING:
        return True
    frame = top
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(HERE) or code in _callers:
            return code not in _waits and (frame is top or code not in _callers)
        frame = frame.f_back
    return False
