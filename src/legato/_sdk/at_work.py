"""Whose code is at work on a thread: signals may raise in the user's only.

A signal comes in between any two instructions. An exception between two of ours that belong
together would lose a transition, or leave a run without an end.
"""

from __future__ import annotations

from collections.abc import Callable
from os.path import dirname
from types import CodeType, FrameType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

HERE = dirname(dirname(__file__)) + "/"
_callers: set[CodeType] = set()
_waits: set[CodeType] = set()


def calls_users(fn: F) -> F:
    """Mark a function: what it calls outside of this package is the user's code."""
    _callers.add(fn.__code__)  # type: ignore[attr-defined]
    return fn


def waits_for_long(fn: F) -> F:
    """Mark a function that does nothing but wait and may be left at any moment."""
    _waits.add(fn.__code__)  # type: ignore[attr-defined]
    return fn


def is_ours(top: FrameType | None) -> bool:
    """Tell whether an exception at this frame, the innermost one, would come up in our code."""
    frame = top
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(HERE):
            return code not in _waits and (frame is top or code not in _callers)
        frame = frame.f_back
    return False
