"""Whether the threads of this process wait, or one of them gets on."""

from __future__ import annotations

import threading
import time

from legato._sdk import frames
from legato._sdk.at_work import is_ours
from legato._sdk.platform_posix import activity

IDLERS = frozenset({"legato-journal", "legato-keeper"})  # nobody waits for what these do


Stand = tuple[int, int, str | None]


class Stillness:
    """Compares where all other threads stand at looks that follow each other."""

    def __init__(self) -> None:
        self._before: dict[int, Stand] = {}
        self._since = time.monotonic()

    def look(self) -> float:
        """Return for how many seconds no thread has got on, and none is just about to; 0: one is.

        A thread in our own code, such as one that commits, will get on by itself.
        """
        threads = threading.enumerate()
        now = _stands(threads)
        before, self._before = self._before, {ident: stand for ident, (stand, _) in now.items()}
        starting = any(thread.ident is None for thread in threads)
        busy = any(stand[2] is None or ours for stand, ours in now.values())
        if self._before != before or starting or busy:
            self._since = time.monotonic()
            return 0.0
        return time.monotonic() - self._since


def _stands(threads: list[threading.Thread]) -> dict[int, tuple[Stand, bool]]:
    """Return the frame, instruction and activity of each thread, and whether it is in our code."""
    aside = {thread.ident for thread in threads if thread.name in IDLERS}
    aside.add(threading.get_ident())
    natives = {thread.ident: thread.native_id for thread in threads}
    return {
        ident: (
            (id(frame), frame.f_lasti, activity(natives.get(ident) or 0)),
            is_ours(frame),
        )
        for ident, frame in frames.of_threads().items()
        if ident not in aside
    }
