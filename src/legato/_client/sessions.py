"""Which event loops have an async client open: connections are kept for as long."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_open: WeakKeyDictionary[AbstractEventLoop, int] = WeakKeyDictionary()


def begin(loop: AbstractEventLoop) -> None:
    """Note that a client was opened."""
    _open[loop] = _open.get(loop, 0) + 1


def end(loop: AbstractEventLoop) -> bool:
    """Note that a client was closed; tell whether it was the last one."""
    _open[loop] -= 1
    return not _open[loop]


def is_open(loop: AbstractEventLoop) -> bool:
    """Tell whether a client is open there."""
    return bool(_open.get(loop))
