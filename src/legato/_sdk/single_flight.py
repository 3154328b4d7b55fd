"""Single flight: of those who want one cached result at once, one makes it, and the others wait.

Within a process a dict says who makes what; among the processes of a home the kernel
(`flight_bytes.py`), among those that record through a server the server (`flight_leases.py`). Who
holds a key does not wait for one whose holder waits, so no two wait for each other
(docs/decisions/0020).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple, Protocol

from legato._sdk import turns
from legato._sdk.parking import Limit
from legato._sdk.turns import Call, Pause, Steps, Turn

if TYPE_CHECKING:
    from legato._engine.effects import Outcome
    from legato._model.records import ResultCached
    from legato._sdk.task_execution import TaskExecution

LONGEST_WAIT_SECONDS = 60.0
FIRST_TICK, LAST_TICK = 0.001, 0.02
Look = Callable[[], "Outcome | None"]


class Key(Protocol):
    """A key among processes."""

    def take(self, *, refresh: bool = False) -> bool:
        """Take the key, or find that its result is there; False: another process has it."""
        ...

    def is_other_waiting(self) -> bool:
        """Tell whether who holds the key in another process waits for one itself."""
        ...

    def mark(self) -> None:
        """Be seen to wait, by other processes too."""
        ...

    def unmark(self) -> None:
        """Be seen to go on."""
        ...

    def free(self) -> None:
        """Let other processes have the key."""
        ...

    def land(self) -> None:
        """Let other processes have the key, as they can see its result."""
        ...

    def close(self) -> None:
        """Wait for the key no longer."""
        ...


class Name(NamedTuple):
    """A key of the cache of one home, or of one server."""

    place: str
    key: str


class Flight(Turn):
    """The turn of the run that makes what a key stands for."""

    def __init__(self, name: Name, run: TaskExecution, key: Key) -> None:
        super().__init__(name, run.context.id)
        self.thread = get_ident()
        self.isasync = run.task.isasync
        self.key = key
        self._is_entered = False
        self._calls: list[Callable[[], object]] | None = []

    def mark(self) -> None:
        """Be seen to wait."""
        self.key.mark()

    def unmark(self) -> None:
        """Be seen to go on."""
        self.key.unmark()

    def enter(self, run: TaskExecution, record: ResultCached) -> None:
        """Have the run's result stand for the key; other processes wait until they can see it."""
        self._is_entered = True
        run.backend.enter_cached(record, self.key.land)

    def end(self) -> None:
        """Let others have the key, and call those who wait."""
        super().end()
        if not self._is_entered:
            self.key.free()
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


def join(run: TaskExecution, key: str, look: Look) -> Steps:
    """Return what another run has made of the key meanwhile; None: this run is to make it.

    `run.turn` is its flight then, unless it makes it beside the one who does already: because
    the two would wait for each other, or because the time to wait is over.
    """
    name, around = Name(run.backend.flights().where, key), turns.around(run.context)
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
    flight = _take(Name(run.backend.flights().where, key), run)
    if flight is run.turn:
        flight.key.take(refresh=True)


def _take(name: Name, run: TaskExecution) -> Flight:
    """Return who makes what the key stands for; if that is nobody, this run does."""
    with turns.guard():
        flight = _flights.get(name)
        if flight is None:
            flight = run.turn = _flights[name] = Flight(name, run, _key_of(run, name))
            turns.note(flight)
        return flight


def _blocks(run: TaskExecution, flight: Flight) -> bool:
    """Tell whether the holder needs the thread that would wait for it."""
    return flight.thread == get_ident() and not (flight.isasync and run.task.isasync)


def _with_others(flight: Flight, around: list[Turn], limit: Limit) -> Generator[Pause]:
    """Take the key among all processes; wait while another one has it."""
    key = flight.key
    try:
        if key.take():
            return
        tick = FIRST_TICK
        with turns.waiting([*around, flight]):
            if around and key.is_other_waiting():
                return
            while (left := limit.left()) and not key.take():
                yield Pause(min(tick, left))
                tick = min(tick * 2, LAST_TICK)
    finally:
        key.close()


def _key_of(run: TaskExecution, name: Name) -> Key:
    if run.backend.flights().has_leases:
        from legato._sdk.flight_leases import LeaseOfKey

        return LeaseOfKey(run.backend, name.key)
    from legato._sdk.flight_bytes import ByteOfKey

    return ByteOfKey(*name)


def forget() -> None:
    """Start anew in a forked child: what is made is made by its parent."""
    turns.forget()
    _flights.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)
