"""Whether the threads of this process wait, or one of them gets on."""

from __future__ import annotations

import sys
import threading

from legato._sdk.at_work import is_ours

IDLERS = frozenset({"legato-journal", "legato-keeper"})  # nobody waits for what these do


class Stillness:
    """Compares where all other threads stand at two looks."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[int, int]] = {}

    def look(self) -> bool:
        """Tell whether no thread got on since the last look, or is just about to.

        A thread in our own code, such as one that commits, will get on by itself.
        """
        threads = threading.enumerate()
        aside = {thread.ident for thread in threads if thread.name in IDLERS}
        aside.add(threading.get_ident())
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        others = {ident: frame for ident, frame in frames.items() if ident not in aside}
        now = {ident: (id(frame), frame.f_lasti) for ident, frame in others.items()}
        before, self._before = self._before, now
        starting = any(thread.ident is None for thread in threads)
        return now == before and not starting and not any(map(is_ours, others.values()))
