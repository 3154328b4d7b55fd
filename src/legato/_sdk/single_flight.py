"""Single flight: of those who want one cached result at once, one makes it, and the others wait.

Within a process a dict says who makes what. Among processes it is a lock of the kernel on one byte
of a file in the home, which goes with its process however that ends; the byte behind it is locked
while the holder waits for another key itself. Who holds a key does not wait for one that waits, so
no two wait for each other (docs/decisions/0020).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from hashlib import blake2b
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

from legato._sdk import turns
from legato._sdk.parking import Limit
from legato._sdk.turns import Call, Pause, Steps, Turn

if sys.platform == "win32":
    from legato._backend import platform_windows as platform
else:
    from legato._backend import platform_posix as platform

if TYPE_CHECKING:
    from legato._engine.effects import Outcome
    from legato._model.records import ResultCached
    from legato._sdk.task_execution import TaskExecution

LONGEST_WAIT_SECONDS = 60.0
FIRST_TICK, LAST_TICK = 0.001, 0.02
MARK_TRIES = 1000
Look = Callable[[], "Outcome | None"]


class Name(NamedTuple):
    """A key of the cache of one home."""

    file: str
    key: str


class Flight(Turn):
    """The turn of the run that makes what a key stands for."""

    def __init__(self, name: Name, run: TaskExecution) -> None:
        super().__init__(name, run.context.id)
        self.thread = get_ident()
        self.isasync = run.task.isasync
        self._file = _opened(name.file)
        self._at = _byte_of(name.key)
        self._is_locked = self._is_entered = False
        self._calls: list[Callable[[], object]] | None = []

    def lock(self) -> bool:
        """Take the key among all processes; False: another one has it."""
        with turns.guard():
            self._is_locked = self._file is None or platform.take_byte(self._file, self._at)
            return self._is_locked

    def is_other_waiting(self) -> bool:
        """Tell whether who holds the key in another process waits for one itself."""
        if self._file is None:
            return False
        with turns.guard():
            if not platform.take_byte(self._file, self._at + 1):
                return True
            platform.free_byte(self._file, self._at + 1)
            return False

    def mark(self) -> None:
        """Be seen to wait, by other processes too; they look for a moment each."""
        if self._file is not None and self._is_locked:
            for _ in range(MARK_TRIES):
                if platform.take_byte(self._file, self._at + 1):
                    break
                time.sleep(0.0001)

    def unmark(self) -> None:
        """Be seen to go on."""
        if self._file is not None and self._is_locked:
            platform.free_byte(self._file, self._at + 1)

    def enter(self, run: TaskExecution, record: ResultCached) -> None:
        """Have the run's result stand for the key; other processes wait until they can see it."""
        self._is_entered = True
        run.backend.enter_cached(record, self._free)

    def _free(self) -> None:
        with turns.guard():
            if self._file is not None and self._is_locked:
                platform.free_byte(self._file, self._at)

    def end(self) -> None:
        """Let others have the key, and call those who wait."""
        super().end()
        if not self._is_entered:
            self._free()
        with turns.guard():
            if _flights.get(self.name) is self:
                del _flights[self.name]
            calls, self._calls = self._calls or [], None
        for call in calls:
            call()

    def listen(self, call: Callable[[], object]) -> bool:
        """Call at the end; False: that was before."""
        with turns.guard():
            if self._calls is not None:
                self._calls.append(call)
            return self._calls is not None

    def leave(self, call: Callable[[], object]) -> None:
        """Do not call any more."""
        with turns.guard():
            if self._calls is not None and call in self._calls:
                self._calls.remove(call)


_flights: dict[tuple[object, ...], Flight] = {}
_files: dict[str, int | None] = {}


def join(run: TaskExecution, key: str, look: Look) -> Steps:
    """Return what another run has made of the key meanwhile; None: this run is to make it.

    `run.turn` is its flight then, unless it makes it beside the one who does already: because
    the two would wait for each other, or because the time to wait is over.
    """
    name, around = Name(run.backend.flights(), key), turns.around(run.context)
    if any(turn.name == name for turn in around):
        return None  # called by who makes it
    limit = Limit(min(LONGEST_WAIT_SECONDS, run.timeout or LONGEST_WAIT_SECONDS))
    while (flight := _take(name, run)) is not run.turn:
        if _blocks(run, flight):
            return None
        with turns.waiting(around, flight) as allowed:
            if not allowed:
                return None
            yield Call(flight.listen, flight.leave, limit)
        found = look()
        if found is not None or limit.left() == 0:
            return found
    yield from _with_others(flight, around, limit)
    found = look()
    if found is not None:
        flight.end_with(run)
    return found


def take(run: TaskExecution, key: str) -> None:
    """Have those who want the key from now on wait, if nobody makes it yet; does not wait."""
    flight = _take(Name(run.backend.flights(), key), run)
    if flight is run.turn:
        flight.lock()


def _take(name: Name, run: TaskExecution) -> Flight:
    """Return who makes what the key stands for; if that is nobody, this run does."""
    with turns.guard():
        flight = _flights.get(name)
        if flight is None:
            flight = run.turn = _flights[name] = Flight(name, run)
            turns.note(flight)
        return flight


def _blocks(run: TaskExecution, flight: Flight) -> bool:
    """Tell whether the holder needs the thread that would wait for it."""
    return flight.thread == get_ident() and not (flight.isasync and run.task.isasync)


def _with_others(flight: Flight, around: list[Turn], limit: Limit) -> Generator[Pause]:
    """Take the key among all processes; wait while another one has it."""
    if flight.lock():
        return
    tick = FIRST_TICK
    with turns.waiting([*around, flight]):
        if around and flight.is_other_waiting():
            return
        while (left := limit.left()) and not flight.lock():
            yield Pause(min(tick, left))
            tick = min(tick * 2, LAST_TICK)


def _byte_of(key: str) -> int:
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return int.from_bytes(digest) * 2


def _opened(path: str) -> int | None:
    """Open the file of locks, once: closing it would let go of all; None: that cannot be."""
    if path not in _files:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        try:
            _files[path] = os.open(path, flags, 0o644)
        except OSError:
            _files[path] = None
    return _files[path]


def forget() -> None:
    """Start anew in a forked child: what is made is made by its parent."""
    turns.forget()
    _flights.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)
