"""Delivers what dead processes left in the spool of a home, in order and exactly once.

A file is touched only if its writer is dead, and by one process at a time: those that deliver hold
a lock on the folder. The database knows the last number that it took from a writer, so whatever
interrupts the delivery, the next one goes on where that number says.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from msgspec import Struct

from legato._backend import ownership
from legato._backend.saying import say
from legato._control.journal import receive
from legato._model.errors import StoreError, StoreTooNew
from legato._model.records import Batch, Record, Skipped, Writer
from legato._store import writers
from legato._store.faults import failpoint
from legato._store.platform_posix import kernel_lock
from legato._store.port import Grade, Lane, Store
from legato._store.rescue import CORRUPT
from legato._store.spool import SUFFIX, SpoolFile, is_corrupt

if TYPE_CHECKING:
    from legato._model.ports import Clock
    from legato._settings.home import Home

BUDGET_SECONDS = 0.04  # of a process that has other things to do; one more batch may begin in it
WAITS = "waits"
DELIVERED = "delivered"
IN_USE = "in use"
ELSEWHERE = "of another machine"
NEWER = "of a newer version"
DAMAGED = "damaged"
UNREADABLE = "unreadable"


class Taker(Protocol):
    """Where records are delivered to."""

    def last_seq(self, writer: Writer) -> int:
        """Return the number of the last record that was taken of a writer; 0: none was."""
        ...

    def take(self, writer: Writer, batch: Batch) -> object:
        """Take records; raise StoreError if that is not possible now."""
        ...


class OfStore:
    """Delivers into a database."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def last_seq(self, writer: Writer) -> int:
        """Return the number of the last record that was taken of a writer; 0: none was."""
        return self._store.read(lambda tx: writers.look(tx, writer.id)) or 0

    def take(self, writer: Writer, batch: Batch) -> object:
        """Take records; raise StoreError if that is not possible now."""
        now = self._clock.now()
        return self._store.run(lambda tx: receive(tx, now, batch, writer), Lane.FACTS, Grade.ACKED)


class Waiting(Struct, kw_only=True):
    """A file of the spool, and what became of it."""

    path: str
    status: str
    writer: Writer | None = None
    records: int = 0
    """Those that were delivered, or in a file that was only looked at those that wait."""
    bytes: int = 0
    kept_as: str | None = None
    """Where a damaged file is kept."""


def files(home: Home) -> list[str]:
    """Return the paths of the files, oldest writer first."""
    folder = home.spool_folder
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names]


def spoolers(home: Home) -> set[UUID]:
    """Return the writers that have something to say, to the database of the home or to a server."""
    found: set[UUID] = set()
    for _, _, names in os.walk(home.spool_folder):
        found |= {known for name in names if (known := writer_id(name)) is not None}
    return found


def writer_id(path: str) -> UUID | None:
    """Return the writer that a file is named after."""
    try:
        return UUID(os.path.basename(path).removesuffix(SUFFIX))
    except ValueError:
        return None


def survey(home: Home, clock: Clock) -> list[Waiting]:
    """Look at all files without changing any."""
    owners, now = Path(home.owners()), clock.now()
    return [_looked_at(path, owners, now, anywhere=False, count=True) for path in files(home)]


def deliver(
    taker: Taker,
    home: Home,
    clock: Clock,
    *,
    budget_seconds: float | None = None,
    anywhere: bool = False,
) -> list[Waiting]:
    """Deliver what dead writers left; return what became of each file.

    With a budget, nobody else is waited for and the rest is left once the time is over, though
    never without one batch delivered. `anywhere`: also what came from other machines. Raises
    StoreError if the database does not take it.
    """
    began = time.monotonic()

    def is_late() -> bool:
        return budget_seconds is not None and time.monotonic() - began >= budget_seconds

    owners = Path(home.owners())
    delivery = _Delivery(taker, clock, is_late)
    found: list[Waiting] = []
    with _alone(home, wait=budget_seconds is None) as alone:
        for path in files(home) if alone else []:
            seen = _looked_at(path, owners, clock.now(), anywhere=anywhere, count=False)
            if seen.status in (WAITS, DAMAGED):
                delivery.run(seen)
            elif seen.status == NEWER:
                say(f"the spool {path} was written by a newer version of Legato; it stays.")
            found.append(seen)
            if is_late():
                break
    return found


def summed(found: Iterable[Waiting]) -> list[Waiting]:
    """Put together what several deliveries tell of one file; the last status counts.

    A file whose rest was left waiting and that is gone was delivered by another process.
    """
    files: dict[str, Waiting] = {}
    for seen in found:
        before = files.get(seen.path)
        if before is not None:
            seen.records += before.records
            seen.writer = seen.writer or before.writer
            seen.kept_as = seen.kept_as or before.kept_as
        files[seen.path] = seen
    for seen in files.values():
        if seen.status == WAITS and not os.path.exists(seen.path):
            seen.status = DELIVERED
    return list(files.values())


@contextlib.contextmanager
def _alone(home: Home, *, wait: bool) -> Generator[bool]:
    """Hold the lock of those who deliver; False: another one has it."""
    try:
        lock = kernel_lock(Path(home.spool(), ".lock"))
    except OSError as error:
        raise StoreError(f"{home.spool_folder} cannot be used: {error.strerror}.") from error
    if not wait:
        with lock.tried() as had:
            yield had
        return
    with lock.held():
        yield True


def _looked_at(path: str, owners: Path, now: datetime, *, anywhere: bool, count: bool) -> Waiting:
    seen = Waiting(path=path, status=WAITS, bytes=_size(path))
    name = writer_id(path)
    if name is not None and ownership.owns(name, owners):
        seen.status = IN_USE
    if seen.status == WAITS or count:
        _look_into(seen, count=count)
    writer = seen.writer or (ownership.unknown(name, now) if name else None)
    if seen.status in (WAITS, DAMAGED) and (
        writer is None or not ownership.is_over(writer, owners, anywhere=anywhere)
    ):
        elsewhere = writer is None or ownership.is_over(writer, owners, anywhere=True)
        seen.status = ELSEWHERE if elsewhere else IN_USE
    return seen


def _look_into(seen: Waiting, *, count: bool) -> None:
    file = SpoolFile(seen.path)
    try:
        seen.writer = file.find_writer()
        if count and seen.writer is not None:
            seen.records = file.count()
    except StoreTooNew:
        seen.status = NEWER
    except StoreError as error:
        if is_corrupt(error.__cause__) and seen.status == WAITS:
            seen.status = DAMAGED
    finally:
        file.close()


def _size(path: str) -> int:
    total = 0
    for name in (path, f"{path}-wal"):
        with contextlib.suppress(OSError):
            total += os.stat(name).st_size
    return total


class _Unreadable(StoreError):
    """The file could not be used, not the database."""


@contextlib.contextmanager
def _of_the_file() -> Generator[None]:
    try:
        yield
    except StoreError as error:
        raise _Unreadable(str(error)) from error


class _Delivery:
    """The delivery of one file."""

    def __init__(self, taker: Taker, clock: Clock, is_late: Callable[[], bool]) -> None:
        self._taker, self._clock, self._is_late = taker, clock, is_late

    def run(self, seen: Waiting) -> None:
        """Deliver what `seen` tells of, and note in it what became of it."""
        try:
            with _of_the_file():
                file, writer = self._opened(seen)
            if writer is None:
                file.discard()
                seen.status = DELIVERED
                return
            try:
                self._send(file, writer, seen)
            finally:
                file.close()
        except _Unreadable as error:
            seen.status = UNREADABLE
            say(f"the spool {seen.path} was not delivered: {error}")
            return
        if file.damaged:
            seen.kept_as = seen.path + CORRUPT
            say(
                f"the spool {seen.path} was damaged: {seen.records} records could be read; "
                f"the file is kept as {seen.kept_as}."
            )

    def _opened(self, seen: Waiting) -> tuple[SpoolFile, Writer | None]:
        file = SpoolFile(seen.path)
        if seen.status == DAMAGED:
            name = writer_id(seen.path)
            file.rescue(ownership.unknown(name, self._clock.now()) if name else None)
        try:
            writer = file.find_writer()
        finally:
            file.close()
        if writer is None:
            return file, None
        found = SpoolFile(seen.path, writer)
        found.damaged = file.damaged
        return found, writer

    def _send(self, file: SpoolFile, writer: Writer, seen: Waiting) -> None:
        while True:
            known = self._taker.last_seq(writer)
            with _of_the_file():
                records = file.head(known + 1)
            if not records:
                break
            taken = self._take(writer, known + 1, records)
            failpoint("spool.delivered")
            seen.records += sum(type(record) is not Skipped for record in records[:taken])
            with _of_the_file():
                file.remove(known + taken)
                if self._is_late() and file.count():
                    seen.status = WAITS
                    return
        with _of_the_file():
            file.discard()
        seen.status = DELIVERED

    def _take(self, writer: Writer, first: int, records: list[Record]) -> int:
        """Deliver as many of the records as the database takes at once; return how many."""
        while True:
            try:
                self._taker.take(writer, Batch(writer.id, first, records, True))
            except StoreError:
                raise
            except Exception as error:
                if len(records) > 1:
                    records = records[: len(records) // 2]
                elif type(records[0]) is Skipped:
                    raise
                else:
                    say(f"record {first} of the process {writer.pid} was left out: {error}")
                    records = [Skipped()]
            else:
                return len(records)
