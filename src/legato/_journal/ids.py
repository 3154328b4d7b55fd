"""Time-ordered ids (UUIDv7), monotonic within the process.

48 bits of Unix milliseconds, then random bits. Within one millisecond the last 62 bits grow by
a random odd step, so ids of a process sort in the order in which they were made, and two
processes cannot meet but by chance.
"""

from __future__ import annotations

import os
import threading
from itertools import count
from time import time, time_ns
from uuid import UUID

from legato._model.uuids import uuid_of

_TAIL = 1 << 62
_FIRST = _TAIL // 2  # of a millisecond: that many, by the step, are left
_LAST = _TAIL - _TAIL // 4  # what threads draw beyond it, all at once, still fits the tail
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_MS = 1_000_000


class TimeOrderedIds:
    """Makes UUIDv7s; safe to share between threads.

    The ids of a millisecond come from one count: `next` of it is a single step, which neither a
    thread nor a signal handler can come between. A lock is taken once a millisecond.
    """

    __slots__ = ("_busy", "_end", "_fixed", "_lock", "_ms", "_numbers", "_step", "_until")
    _busy: bool
    _end: int
    _fixed: int
    _numbers: count[int]
    _step: int
    _until: float

    def __init__(self) -> None:
        self._ms = 0
        self.reseed()

    def new(self) -> UUID:
        """Return an id greater than all that this object made before."""
        if time() < self._until:
            number = next(self._numbers)
            if number < self._end:
                return uuid_of(number)
        return uuid_of(self._later())

    def _later(self) -> int:
        """Return a number of a millisecond that has just begun, or is borrowed from the future."""
        with self._lock:
            if self._busy:  # a signal handler or finaliser came in here: no order, but an id
                return _apart(self._ms)
            self._busy = True
            try:
                ms, number = time_ns() // _MS, next(self._numbers)
                if ms > self._ms or number >= self._end:
                    self._begin(max(ms, self._ms + 1), number)
                    number = next(self._numbers)
            finally:
                self._busy = False
        return number

    def _begin(self, ms: int, tail: int) -> None:
        head = ms << 80 | self._fixed
        self._end = head | _LAST  # first: who has a number of the last count finds it valid
        self._numbers = count(head | tail % _FIRST, self._step)
        self._ms = ms
        self._until = (ms + 1) / 1000

    def reseed(self) -> None:
        """Take new random bits and a new lock, as a forked child must."""
        self._lock = threading.RLock()
        self._busy = False
        bits = int.from_bytes(os.urandom(14), "big")
        self._step = (bits >> 72) | 1  # 40 bits: a million ids a millisecond before it is used up
        self._fixed = _VERSION_7 | (bits >> 62 & 0x3FF) << 64 | _VARIANT
        self._begin(self._ms + 1, bits)


def _apart(ms: int) -> int:
    bits = int.from_bytes(os.urandom(10), "big")
    head = ms << 80 | _VERSION_7 | (bits >> 62 & 0xFFF) << 64
    return head | _VARIANT | bits & (_TAIL - 1)
