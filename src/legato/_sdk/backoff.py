"""Delays between tries."""

from __future__ import annotations

from collections.abc import Callable

from legato._model import retries as rules


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Return a callable for `retry_delay_seconds`: factor, 2 factor, 4 factor ... seconds.

    >>> exponential_backoff(backoff_factor=10)(3)
    [10, 20, 40]
    """

    def delays(retries: int) -> list[float]:
        return rules.exponential(backoff_factor, retries)

    return delays
