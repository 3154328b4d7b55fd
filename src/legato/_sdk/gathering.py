"""Several futures at once: in the order in which they end, all of them, or what they stand for."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from legato._sdk import parking, resolving
from legato._sdk.futures import Future

R = TypeVar("R")


class DoneAndNotDoneFutures(NamedTuple):
    """What `wait` returns."""

    done: set[Future[Any]]
    not_done: set[Future[Any]]


class AsCompleted(Generic[R]):
    """Gives futures as their runs end: `for` blocks the thread, `async for` not the loop."""

    def __init__(self, futures: Iterable[Future[R]], timeout: float | None) -> None:
        self._limit = parking.Limit(timeout)
        self._left = dict.fromkeys(futures)
        self._count = len(self._left)
        self._ended: deque[Future[R]] = deque()
        self._wakers: deque[Callable[[], object]] = deque()
        for future in self._left:
            future.add_done_callback(self._note)

    def _note(self, future: Future[R]) -> None:
        self._ended.append(future)
        while self._wakers:
            try:
                self._wakers.pop()()
            except IndexError:  # another thread has taken it
                return

    def __iter__(self) -> Iterator[Future[R]]:
        return self

    def __next__(self) -> Future[R]:
        if not self._left:
            raise StopIteration
        while not self._ended:
            parking.refuse_to_block(self._left)
            gate = parking.closed_gate()
            self._wakers.append(gate.release)
            if not self._ended:
                parking.park(gate, self._limit)
            if not self._ended and self._limit.left() == 0:
                raise self._too_late()
        return self._next()

    def __aiter__(self) -> AsyncIterator[Future[R]]:
        return self

    async def __anext__(self) -> Future[R]:
        if not self._left:
            raise StopAsyncIteration
        while not self._ended:
            import asyncio

            waiting = parking.Arrival()
            self._wakers.append(waiting.announce)
            if self._ended:
                break
            try:
                async with asyncio.timeout(self._limit.left()):
                    await waiting
            except TimeoutError:
                raise self._too_late() from None
        return self._next()

    def _next(self) -> Future[R]:
        future = self._ended.popleft()
        del self._left[future]
        return future

    def _too_late(self) -> TimeoutError:
        return TimeoutError(f"{len(self._left)} (of {self._count}) futures have not ended.")


def as_completed(futures: Iterable[Future[R]], timeout: float | None = None) -> AsCompleted[R]:
    """Return the futures one by one, in the order in which their runs end.

    Raises TimeoutError when `timeout` seconds are over and some have not ended.

    >>> from legato import flow, task
    >>> from legato.futures import as_completed
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> @flow
    ... def calculate() -> list[int]:
    ...     return sorted(future.result() for future in as_completed(double.map([1, 2])))
    >>> calculate()
    [2, 4]
    """
    return AsCompleted(futures, timeout)


def wait(futures: Iterable[Future[Any]], timeout: float | None = None) -> DoneAndNotDoneFutures:
    """Return when all have ended or `timeout` seconds are over: those that have, those not."""
    limit, given = parking.Limit(timeout), list(futures)
    for future in given:
        future.wait(limit.left())
    done = {future for future in given if future.done}
    return DoneAndNotDoneFutures(done, set(given) - done)


def resolve_futures_to_states(expr: Any) -> Any:
    """Return `expr` with states in the place of futures, also in containers; waits for each."""
    return resolving.states_for_futures(expr)


def resolve_futures_to_results(expr: Any) -> Any:
    """Return `expr` with results in the place of futures, also in containers; waits for each.

    Raises what a failed task raised.
    """
    return resolving.results_for_futures(expr)
