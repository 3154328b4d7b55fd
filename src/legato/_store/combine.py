"""Group commit: whoever gets the connection runs what all others queued meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from legato._model.errors import Error, StoreError
from legato._store.port import Grade, Lane, Transaction

LIMIT = 64


class Item:
    """An operation that waits for its commit, or for its turn to lead one."""

    __slots__ = ("abandoned", "done", "error", "grade", "lane", "op", "value", "wake")

    def __init__(self, op: Callable[[Transaction], Any], lane: Lane, grade: Grade) -> None:
        self.op, self.lane, self.grade = op, lane, grade
        self.done = self.abandoned = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.wake: threading.Lock | None = None


class Combiner:
    """Runs operations in shared transactions.

    `transact(items, repeated)` runs a list of them in one transaction and commits; it raises if
    anything but a refusal happened, and then nothing of it may stand. The first to come leads: it
    runs all that is queued, wakes those whose operations are done, and hands the lead to the
    first of those that came meanwhile. `mutex` is held while transactions run.
    """

    def __init__(self, transact: Callable[[list[Item], bool], None]) -> None:
        self._transact = transact
        self._queue: list[Item] = []
        self._led = False
        self._state = threading.Lock()
        self._inside: set[int] = set()
        self.mutex = threading.Lock()

    def run(self, op: Callable[[Transaction], Any], lane: Lane, grade: Grade) -> Any:
        """Return what `op` returned once it is committed."""
        item = Item(op, lane, grade)
        self._run([item])
        if item.error is not None:
            raise item.error
        return item.value

    def run_all(
        self, ops: Sequence[Callable[[Transaction], Any]], lane: Lane, grade: Grade
    ) -> list[Any]:
        """Return what each of at most `LIMIT` operations returned or raised."""
        items = [Item(op, lane, grade) for op in ops]
        self._run(items)
        return [item.value if item.error is None else item.error for item in items]

    def _run(self, items: list[Item]) -> None:
        me = threading.get_ident()
        if me in self._inside:  # it would wait for the frames below it
            raise StoreError("The store is at work in this thread already.")
        try:
            self._inside.add(me)
            self._see_to(items)
        except BaseException:
            for item in items:
                item.abandoned = True
            self._hand_over()
            raise
        finally:
            self._inside.discard(me)

    def _see_to(self, items: list[Item]) -> None:
        with self._state:
            if self._led:
                for item in items:
                    item.wake = threading.Lock()
                    item.wake.acquire()
            self._led = True
            self._queue += items
        for item in items:
            if item.wake is not None:
                item.wake.acquire()
            if not item.done:
                self._lead(item)

    def _lead(self, item: Item) -> None:
        taken: list[Item] = []
        try:
            while not item.done:
                with self.mutex:
                    self._take(taken)
                    self._carry_out(taken)
                _let_go(taken)
        finally:
            # an interruption comes in anywhere; whoever it is for, nobody else may wait for ever
            _let_go(taken)
            self._hand_over()

    def _hand_over(self) -> None:
        """Wake the one who leads next; those who gave up waiting cannot.

        Once too often does no harm: whoever leads waits for `mutex`.
        """
        with self._state:
            for item in self._queue:
                if not item.abandoned and item.wake is not None:
                    if item.wake.locked():
                        item.wake.release()
                    return
            self._led = False

    def _take(self, taken: list[Item]) -> None:
        with self._state:
            queue = self._queue
            if len(queue) > 1:
                queue.sort(key=_lane)
            # no call between these two, so that nothing can come in
            taken[:] = queue[:LIMIT]
            del queue[:LIMIT]

    def _carry_out(self, taken: list[Item]) -> None:
        if not taken:  # somebody else was faster
            return
        try:
            self._transact(taken, False)
        except Exception as error:  # noqa: BLE001 - each operation gets its own, below
            for item in taken:
                self._alone(item, error)
        for item in taken:
            item.done = True

    def _alone(self, item: Item, first: Exception) -> None:
        """Run an operation again by itself, unless trying again is pointless."""
        item.value = item.error = None
        if isinstance(first, StoreError):
            item.error = first
            return
        try:
            self._transact([item], True)
        except Spoiled as spoiled:
            item.error = spoiled.refusal
        except Exception as error:  # noqa: BLE001 - goes to the one who asked
            item.error = error


class Spoiled(Exception):
    """An operation refused after it had written, so its transaction must not be committed."""

    def __init__(self, refusal: Error) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def run_ops(items: list[Item], tx: Transaction) -> None:
    """Run operations in turn, but those at once that can be (see `port`)."""
    if len(items) == 1:
        run_op(items[0], tx)
        return
    sets: dict[Callable[..., Any], list[Item]] = {}
    for item in items:
        together = getattr(item.op, "together", None)
        if together is None:
            run_op(item, tx)
        else:
            sets.setdefault(together, []).append(item)
    for together, members in sets.items():
        if len(members) == 1:
            run_op(members[0], tx)
            continue
        for item, outcome in zip(members, together(tx, [i.op for i in members]), strict=True):
            if isinstance(outcome, Error):
                item.error = outcome
            else:
                item.value = outcome


def run_op(item: Item, tx: Transaction) -> None:
    """Run one operation; a refusal is its answer and disturbs no other."""
    before = tx.writes
    try:
        item.value = item.op(tx)
    except StoreError:
        raise
    except Error as refusal:
        if tx.writes != before:
            raise Spoiled(refusal) from refusal
        item.error = refusal


def _let_go(items: list[Item]) -> None:
    """Wake those who wait for `items`; what is not done by now was interrupted."""
    for item in items:
        if not item.done:
            item.error = StoreError("The commit was interrupted.")
            item.done = True
        if item.wake is not None and item.wake.locked():
            item.wake.release()
    items.clear()


def _lane(item: Item) -> int:
    return item.lane.value
