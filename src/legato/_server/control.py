"""How the server's event loop has operations carried out: by threads, on one store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias, TypeVar

from legato._control import ordered_log
from legato._control.asking import asked
from legato._control.journal import Delivery
from legato._control.registry import Handler, clearing, follower_of, handler_of, is_cleared
from legato._model.errors import StoreBusy
from legato._model.operations.flights import AwaitTurns
from legato._model.operations.flow_runs import FilterFlowRuns
from legato._model.operations.spec import Operation
from legato._model.ports import Clock
from legato._model.records import BatchAnswer
from legato._server.run_pages import RunPages
from legato._server.turns import Turns
from legato._server.writes import Writes, ending
from legato._store.port import Grade, Lane, Store, Transaction

T = TypeVar("T")
Wrapped = Callable[[Transaction, datetime, Callable[[], Any]], Any]
Answer: TypeAlias = Callable[[Any, datetime, str | None], T]
"""Makes an answer of what was read, when, and of the cursor from which that can be followed."""
THREADS = 32
"""So many may read, or store batches of journals, at once."""
LEASE_THREADS = 4
CLEARING_SECONDS = 5.0
"""For so long one request deletes; clients wait 15 s for an answer."""


class Control:
    """The application on one store. Operations on leases have threads of their own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self._writes = Writes(store)
        self._turns = Turns()
        self._pages = RunPages()
        self._ends = False
        self._threads = ThreadPoolExecutor(THREADS, "legato-control")
        self._lease_threads = ThreadPoolExecutor(LEASE_THREADS, "legato-leases")

    async def send(
        self, operation: Operation, *, prefect: bool = True, once: Wrapped | None = None
    ) -> tuple[Any, datetime]:
        """Carry out an operation; return what it gave and the time that it was given.

        `prefect`: for one of its clients, by its rules. `once` does it, or knows its answer.
        """
        now, follow = self.clock.now(), follower_of(operation)
        if follow is not None:
            return await self.call(lambda store: follow(store, now, operation)), now
        op = asked(operation, now, prefect=prefect)
        if once is not None:
            op = partial(_once, once, now, op)

        if is_cleared(operation.spec.id):
            known = None if once is None else await self.read(partial(_known, once, now))
            if known is not None:
                return known, now
            await self.call(lambda store: self._clear(store, now, operation))
        if isinstance(operation, AwaitTurns):
            return await self._turns.wait(operation.seconds, partial(self._look, op)), now
        if operation.spec.access == "read":
            hurries = operation.spec.lane == "leases"
            return await (self._look(op) if hurries else self.read(op)), now
        if operation.spec.lane == "leases":
            threads = self._lease_threads
            work = partial(self.store.run, op, Lane.LEASES, Grade.ACKED)
            found = await self._in(threads, work)
        else:
            found = await self._writes.run(op)
        self._turns.stir()
        return found, now

    def begin(self, operation: Operation, done: Callable[[Any, datetime], None]) -> None:
        """Carry out a write of one of Prefect's clients that waits for nothing but its commit.

        `done` is told, on the loop, what it gave or raised, and the time that it was given.
        """
        now = self.clock.now()

        def ended(found: Any) -> None:
            self._turns.stir()
            done(found, now)

        self._writes.begin(asked(operation, now, prefect=True), ended)

    async def look(self, operation: Operation, answer: Answer[T], *, lists: bool) -> T:
        """Carry out a read of one of Prefect's clients; return what its thread makes of it.

        `lists`: what is listed can be followed from the cursor that `answer` is told.
        """
        return await self._in(self._threads, self._looking(operation, answer, lists=lists))

    def begin_look(
        self, operation: Operation, answer: Answer[T], done: Callable[[Any], None], *, lists: bool
    ) -> None:
        """Carry out such a read; `done` is told, on the loop, what came of it or was raised."""
        if self._ends:
            done(ending())
            return
        loop = asyncio.get_running_loop()
        look = self._looking(operation, answer, lists=lists)

        def carry_out() -> None:
            try:
                outcome: Any = look()
            except BaseException as error:  # noqa: BLE001 - it goes to who asked
                outcome = error
            loop.call_soon_threadsafe(done, outcome)

        self._threads.submit(carry_out)

    def _looking(self, operation: Operation, answer: Answer[T], *, lists: bool) -> Callable[[], T]:
        now = self.clock.now()
        if not lists:
            read = asked(operation, now, prefect=True)
            return lambda: answer(self.store.read(read), now, None)
        handle = self._lister_of(operation)

        def found(tx: Transaction, position: int) -> tuple[Any, str | None]:
            # read before the rows, so what changes later is told to whoever follows from there
            try:
                cursor = ordered_log.cursor_in(tx, position)
            except StoreBusy:  # it cannot be told yet
                cursor = None
            return handle(tx, now, operation), cursor

        def look() -> T:
            listed, cursor = self.store.read_placed(found)
            return answer(listed, now, cursor)

        return look

    def _lister_of(self, operation: Operation) -> Handler:
        is_page = isinstance(operation, FilterFlowRuns)
        return self._pages.filter if is_page else handler_of(operation, prefect=True)

    async def read(self, look: Callable[[Transaction], T]) -> T:
        """Run a query of the server's own on a snapshot."""
        return await self._in(self._threads, lambda: self.store.read(look))

    async def call(self, work: Callable[[Store], T]) -> T:
        """Do something of the server's own with the store."""
        return await self._in(self._threads, lambda: work(self.store))

    async def write(self, op: Callable[[Transaction, datetime], T]) -> T:
        """Run a write of the server's own, which survives a power cut."""
        return await self._writes.run(lambda tx: op(tx, self.clock.now()))

    async def deliver(self, delivery: Callable[[], Delivery], lane: Lane) -> BatchAnswer:
        """Store a batch of a journal; what it takes to read the batch is done by a thread, too."""
        answer = await self._in(
            self._threads, lambda: self.store.run(delivery(), lane, Grade.ACKED)
        )
        self._turns.stir()
        return answer

    def _clear(self, store: Store, now: datetime, operation: Operation) -> None:
        """Do what is to be done before an operation, as far as one request may take."""
        end = time.monotonic() + CLEARING_SECONDS
        for _ in clearing(store, now, operation):
            if self._ends or time.monotonic() > end:
                raise StoreBusy("A part is deleted, and much is left; ask again to go on.")

    async def _look(self, look: Callable[[Transaction], T]) -> T:
        """Read what must not wait for other readers."""
        return await self._in(self._lease_threads, lambda: self.store.read(look))

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def close(self) -> None:
        """Wait for what is at work; nothing new begins."""
        self._ends = True
        self._writes.close()
        self._threads.shutdown(cancel_futures=True)
        self._lease_threads.shutdown(cancel_futures=True)
        self.store.close()


class _New(Exception):
    """A request was not carried out before."""


def _known(once: Wrapped, now: datetime, tx: Transaction) -> Any:
    """Return what was answered before to a request; None: it is new."""

    def work() -> Any:
        raise _New

    try:
        return once(tx, now, work)
    except _New:
        return None


def _once(once: Wrapped, now: datetime, op: Callable[[Transaction], Any], tx: Transaction) -> Any:
    return once(tx, now, partial(op, tx))
