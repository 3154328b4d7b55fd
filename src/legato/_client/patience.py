"""When a request is sent again that was not answered, or refused for the moment."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 30.0
"""For so long a server is waited for that says itself when to come again."""
_FIRST_PAUSE, _LAST_PAUSE = 0.05, 0.5


class Patience:
    """Says how long to wait before the next try, for about `seconds` after the first failure.

    None of it passes while an answer is waited for, so what was lost late is sent again, too.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: float | None = None
        self._pause = _FIRST_PAUSE

    def pause(self, now: float, told: float = 0.0) -> float | None:
        """Return how many seconds to wait; None: give up. `told`: the server said so many."""
        if self._began is None:
            self._began = now
        pause, self._pause = max(self._pause, told), min(2 * self._pause, _LAST_PAUSE)
        patient = LONGEST_SECONDS if told and self._seconds else self._seconds
        return pause if now + pause <= self._began + patient else None


def told(header: str | None, now: float) -> float:
    """Return the seconds that a header Retry-After says, as a number or as a time; 0: nothing."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except ValueError:
            return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0
