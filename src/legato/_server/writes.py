"""Writes of many requests at once: what comes while a commit is under way shares the next one.

A thread for each request would be woken for each of them, and would take the interpreter away
from the event loop each time; here one thread carries out all that waits, and wakes the loop once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from logging import getLogger
from typing import Any, TypeVar

from legato._model.errors import StoreBusy
from legato._store import courtesy
from legato._store.combine import LIMIT
from legato._store.port import Grade, Lane, Store, Transaction

T = TypeVar("T")
_log = getLogger("legato.server")
Done = Callable[[Any], None]
"""Is told, on the loop, what an operation returned or raised."""
_Waiting = tuple[Callable[[Transaction], Any], Done]


class Writes:
    """Operations of one event loop on their way into the store, in the order in which they came."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._busy = self._closed = False
        self._thread = ThreadPoolExecutor(1, "legato-writes")

    async def run(self, op: Callable[[Transaction], T]) -> T:
        """Return what `op` returned once it is committed, and would survive a power cut."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[T] = loop.create_future()
        self.begin(op, partial(_settle, found))
        return await found

    def begin(self, op: Callable[[Transaction], Any], done: Done) -> None:
        """Have an operation carried out; raises nothing, `done` is told."""
        if self._closed:
            done(ending())
            return
        self._waiting.append((op, done))
        if not self._busy:
            self._busy = True
            courtesy.begin_write(self)
            loop = asyncio.get_running_loop()
            loop.call_soon(self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the thread carry out what waits."""
        if self._closed:
            self._dismiss()
            return
        taken = self._waiting[:LIMIT]
        del self._waiting[:LIMIT]
        self._thread.submit(self._carry_out, loop, taken)

    def _carry_out(self, loop: asyncio.AbstractEventLoop, taken: list[_Waiting]) -> None:
        try:
            outcomes = self._store.run_all([op for op, _ in taken], Lane.PROPOSALS, Grade.ACKED)
        except BaseException as error:  # noqa: BLE001 - it goes to those who asked
            outcomes = [error] * len(taken)
        loop.call_soon_threadsafe(self._end, loop, taken, outcomes)

    def _end(
        self, loop: asyncio.AbstractEventLoop, taken: list[_Waiting], outcomes: list[Any]
    ) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            self._begin(loop)
        else:
            loop.call_soon(self._rest)  # when the answers are on their way
        for (_, done), outcome in zip(taken, outcomes, strict=True):
            _tell(done, outcome)

    def _rest(self) -> None:
        """Let reads go on."""
        if not self._busy:
            courtesy.end_write(self)

    def close(self) -> None:
        """Wait for what is at work; who waits behind it is told to come again."""
        self._closed = True
        self._dismiss()
        self._thread.shutdown()
        courtesy.end_write(self)

    def _dismiss(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, done in waiting:
            done(ending())


def _tell(done: Done, outcome: Any) -> None:
    try:
        done(outcome)
    except Exception:  # noqa: BLE001 - it holds up no other answer, and no later write
        _log.exception("What was carried out could not be answered")


def _settle(found: asyncio.Future[Any], outcome: Any) -> None:
    if found.done():  # nobody waits any more
        return
    if isinstance(outcome, BaseException):
        found.set_exception(outcome)
    else:
        found.set_result(outcome)


def ending() -> StoreBusy:
    """Return what is told to who comes too late."""
    return StoreBusy("The server is ending, this was not done; ask again.")
