"""How transactions on the same key see each other."""

from __future__ import annotations

from enum import Enum


class IsolationLevel(str, Enum):
    """Whether a key may be worked on by several at once.

    >>> IsolationLevel("SERIALIZABLE") is IsolationLevel.SERIALIZABLE
    True
    """

    READ_COMMITTED = "READ_COMMITTED"
    """Nobody waits: two that find no record both compute, and the later one's record stays."""
    SERIALIZABLE = "SERIALIZABLE"
    """One at a time; needs a lock manager."""
