"""Reads give way to writes within a process.

One interpreter carries out everything, so who reads and encodes a page holds up the transition
beside it for as long as that takes. Therefore whoever writes for clients says so, and whoever reads
asks between two pieces of work whether to wait: a little, and where writes do not end for so long,
not again for a while, so that reads go on, too. Beside a busy client one piece is done after each
write, while the client makes its next request: whoever does more keeps the interpreter while that
request is taken up.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from time import monotonic
from typing import TypeVar

PIECE_SECONDS = 0.0001
"""After so much work it is time to ask."""
PATIENCE_SECONDS, HURRY_SECONDS = 0.003, 0.03
PAUSE_SECONDS = 0.001
"""So long who reads waits for the next write to pass, where one was lately."""
LATELY_SECONDS = 0.05
"""Who has written so long ago may do so again at any moment."""

T = TypeVar("T")

_ended = threading.Condition(threading.Lock())
"""Is told when nobody writes any more, and guards what follows."""
_writing: set[object] = set()
_lately_until = _hurry_until = 0.0


def begin_write(writer: object) -> None:
    """Have reads give way until this writer ends."""
    with _ended:
        _writing.add(writer)


def end_write(writer: object) -> None:
    """Let reads go on, unless another writer is at work; once too often does no harm."""
    global _lately_until  # noqa: PLW0603 - as the interpreter, it is there once in a process
    with _ended:
        _lately_until = monotonic() + LATELY_SECONDS
        _writing.discard(writer)
        if not _writing:
            _ended.notify_all()


def let_pass() -> None:
    """Wait while somebody writes, for PATIENCE_SECONDS at most, and after that not for a while."""
    global _hurry_until  # noqa: PLW0603
    if _writing and monotonic() > _hurry_until:
        with _ended:
            if _writing and not _ended.wait(PATIENCE_SECONDS):
                _hurry_until = monotonic() + HURRY_SECONDS


def give_way() -> None:
    """Let pass who writes, or may be about to: ask this in the middle of long work."""
    if not _writing and _hurry_until < monotonic() < _lately_until:
        with _ended:
            _ended.wait(PAUSE_SECONDS)
    let_pass()


def politely(items: Iterable[T], count: int) -> Generator[T]:
    """Give way before each `count` items; that many should be PIECE_SECONDS of work."""
    for index, item in enumerate(items):
        if not index % count:
            give_way()
        yield item
