"""The turn of a task run at a cache key: while it has it, others that want the key wait.

A turn is a flight (`single_flight.py`) or a lock that the user's policy wants (`cache_locks.py`).
What waits is a step: the drivers perform it on a thread or on a loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from legato._sdk import parking, waits
from legato._sdk.parking import Limit

if TYPE_CHECKING:
    from legato._engine.effects import Outcome
    from legato._model.records import ResultCached
    from legato._sdk.context import RunContext
    from legato._sdk.drive import Execution
    from legato._sdk.task_execution import TaskExecution


class Step(Protocol):
    """Something to wait for."""

    def wait(self) -> object:
        """Wait on this thread."""
        ...

    def await_(self) -> Awaitable[object]:
        """Wait on the running loop."""
        ...


Steps = Generator[Step, None, "Outcome | None"]


class Turn:
    """What a run holds; `name` tells one key of one place from all others."""

    def __init__(self, name: tuple[Any, ...], run_id: UUID) -> None:
        self.name = name
        self.run_id = run_id
        self.waits = 0
        """How many runs in the holder's wait for another turn."""

    def end(self) -> None:
        """Let others have the key."""
        with guard():
            _of_runs.pop(self.run_id, None)

    def enter(self, run: TaskExecution, record: ResultCached) -> None:
        """Have the run's result stand for the key."""
        run.backend.journal.append(record)

    def end_with(self, run: TaskExecution) -> None:
        """Let others have the key as the run that has it enters a state."""
        run.turn = None
        self.end()

    def mark(self) -> None:
        """Be seen to wait."""

    def unmark(self) -> None:
        """Be seen to go on."""


_guard = RLock()  # who handles a signal may come in
_of_runs: dict[UUID, Turn] = {}


def guard() -> Any:
    """Return the lock under which turns are taken and given back."""
    return _guard


def note(turn: Turn) -> None:
    """Remember whose a turn is; under the guard."""
    _of_runs[turn.run_id] = turn


def around(context: RunContext) -> list[Turn]:
    """Return the turns of the runs in which this one was called."""
    if not _of_runs:
        return []
    found: list[Turn] = []
    outer = context.outer
    while outer is not None:
        turn = _of_runs.get(outer.id)
        if turn is not None:
            found.append(turn)
        outer = outer.outer
    return found


@contextmanager
def waiting(marked: list[Turn], target: Turn | None = None) -> Generator[bool]:
    """Mark the turns of runs that wait in the block; False: their target waits itself.

    Of two that hold what the other one wants, the first one is told True, the second one False.
    """
    with _guard:
        allowed = target is None or not marked or not target.waits
        for turn in marked if allowed else ():
            turn.waits += 1
            if turn.waits == 1:
                turn.mark()
    try:
        yield allowed
    finally:
        with _guard:
            for turn in marked if allowed else ():
                turn.waits -= 1
                if not turn.waits:
                    turn.unmark()


def forget() -> None:
    """Start anew in a forked child: all turns are its parent's."""
    global _guard  # noqa: PLW0603 - may be held by a thread that is not here
    _guard = RLock()
    _of_runs.clear()


class Pause:
    """Wait for a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wait(self) -> object:
        """Wait on this thread."""
        return waits.sleep(self._seconds)

    def await_(self) -> Awaitable[object]:
        """Wait on the running loop."""
        return waits.asleep(self._seconds)


class Call:
    """Wait until somebody calls, or the time is over; `listen` is given what is to be called."""

    def __init__(
        self,
        listen: Callable[[Callable[[], object]], bool],
        leave: Callable[[Callable[[], object]], object],
        limit: Limit,
    ) -> None:
        self._listen, self._leave, self._limit = listen, leave, limit

    def wait(self) -> object:
        """Wait on this thread."""
        gate = parking.closed_gate()
        call = gate.release
        if self._listen(call):
            try:
                parking.park(gate, self._limit)
            finally:
                self._leave(call)
        return None

    async def await_(self) -> object:
        """Wait on the running loop."""
        import asyncio

        arrival = parking.Arrival()
        call = arrival.announce
        if self._listen(call):
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limit.left()):
                        await arrival
            finally:
                self._leave(call)
        return None


def stand(run: Execution, steps: Steps) -> Outcome | None:
    """Perform steps on this thread; return what they return, or what cut a wait short."""
    try:
        while True:
            next(steps).wait()
    except StopIteration as stop:
        return _end(stop)
    except BaseException as exc:  # noqa: BLE001 - Ctrl-C during the wait
        steps.close()
        return run.raised(exc)


async def astand(run: Execution, steps: Steps) -> Outcome | None:
    """Perform steps on the running loop."""
    try:
        while True:
            await next(steps).await_()
    except StopIteration as stop:
        return _end(stop)
    except BaseException as exc:  # noqa: BLE001 - cancelled during the wait
        steps.close()
        return run.raised(exc)


def _end(stop: StopIteration) -> Outcome | None:
    end: Outcome | None = stop.value
    return end
