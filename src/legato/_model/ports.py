"""What the pure core must be given: time, ids and randomness."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Wall time for records, monotonic seconds for waits."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Ids(Protocol):
    """Makes time-ordered ids (UUIDv7), never the same one twice, also after a fork."""

    def new(self) -> UUID: ...


class Random(Protocol):
    """Draws a number in [0, 1)."""

    def draw(self) -> float: ...
