"""Group commit: whoever gets the connection runs what all others queued meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
        self.mutex = threading.Lock()

    def run(self, op: Callable[[Transaction], Any], lane: Lane, grade: Grade) -> Any:
        """Return what `op` returned once it is committed."""
        item = Item(op, lane, grade)
        with self._state:
            self._queue.append(item)
            leads = not self._led
            self._led = True
            if not leads:
                item.wake = threading.Lock()
                item.wake.acquire()
        if item.wake is not None:
            self._wait(item, item.wake)
        if not item.done:
            self._lead(item)
        if item.error is not None:
            raise item.error
        return item.value

    def _wait(self, item: Item, wake: threading.Lock) -> None:
        try:
            wake.acquire()
        except BaseException:
            with self._state:
                item.abandoned = True
                has_lead = not wake.locked() and not item.done
            if has_lead:
                self._hand_over()
            raise

    def _lead(self, item: Item) -> None:
        try:
            while not item.done:
                with self.mutex:
                    done = self._drain()
                for other in done:
                    if other.wake is not None and other is not item:
                        other.wake.release()
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        """Wake the one who leads next; those who gave up waiting cannot."""
        with self._state:
            for item in self._queue:
                if not item.abandoned and item.wake is not None:
                    item.wake.release()
                    return
            self._led = False

    def _drain(self) -> list[Item]:
        with self._state:
            waiting, self._queue = self._queue, []
            if len(waiting) > 1:
                waiting.sort(key=_lane)
                self._queue[:0] = waiting[LIMIT:]
                del waiting[LIMIT:]
        try:
            self._transact(waiting, False)
        except Exception as error:  # noqa: BLE001 - each operation gets its own, below
            for item in waiting:
                self._alone(item, error)
        except BaseException as error:
            for item in waiting:
                item.error = StoreError(f"The commit was interrupted: {error!r}")
                item.done = True
                if item.wake is not None and item.wake.locked():
                    item.wake.release()
            raise
        for item in waiting:
            item.done = True
        return waiting

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


def _lane(item: Item) -> int:
    return item.lane.value
