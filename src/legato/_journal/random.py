"""Random draws straight from the kernel: no state, so nothing to reseed after a fork."""

from __future__ import annotations

import os

_SCALE = 2.0**-53


class SystemRandom:
    """Draws numbers with 53 random bits."""

    __slots__ = ()

    def draw(self) -> float:
        """Return a number in [0, 1)."""
        return (int.from_bytes(os.urandom(7), "big") >> 3) * _SCALE
