"""Time-ordered ids (UUIDv7), monotonic within the process.

48 bits of Unix milliseconds, then random bits. Within one millisecond the last 62 bits grow by
a random odd step, so ids of a process sort in the order in which they were made, and two
processes cannot meet but by chance.
"""

from __future__ import annotations

import os
import threading
from time import time_ns
from uuid import UUID

from legato._model.uuids import uuid_of

_TAIL = 1 << 62
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_MS = 1_000_000


class TimeOrderedIds:
    """Makes UUIDv7s; safe to share between threads."""

    __slots__ = ("_busy", "_fixed", "_head", "_lock", "_ms", "_step", "_tail")
    _busy: bool
    _fixed: int
    _head: int
    _step: int
    _tail: int

    def __init__(self) -> None:
        self._ms = 0
        self.reseed()

    def new(self) -> UUID:
        """Return an id greater than all that this object made before."""
        with self._lock:
            if self._busy:  # a signal handler or finaliser came in here: no order, but an id
                return _apart(self._ms)
            self._busy = True
            try:
                ms = time_ns() // _MS
                tail = self._tail + self._step
                if ms > self._ms:
                    self._ms = ms
                    self._head = ms << 80 | self._fixed
                    tail &= _TAIL - 1
                elif tail >= _TAIL:
                    self._draw(self._ms + 1)
                    tail = self._tail
                self._tail = tail
                number = self._head | tail
            finally:
                self._busy = False
        return uuid_of(number)

    def reseed(self) -> None:
        """Take new random bits and a new lock, as a forked child must."""
        self._lock = threading.RLock()
        self._busy = False
        self._draw(self._ms + 1)

    def _draw(self, ms: int) -> None:
        bits = int.from_bytes(os.urandom(14), "big")
        self._ms = ms
        self._step = (bits >> 72) | 1  # 40 bits: 4 million ids a millisecond before a carry
        self._tail = bits & (_TAIL - 1)
        self._fixed = _VERSION_7 | (bits >> 62 & 0x3FF) << 64 | _VARIANT
        self._head = ms << 80 | self._fixed


def _apart(ms: int) -> UUID:
    bits = int.from_bytes(os.urandom(10), "big")
    head = ms << 80 | _VERSION_7 | (bits >> 62 & 0xFFF) << 64
    return UUID(int=head | _VARIANT | bits & (_TAIL - 1))
