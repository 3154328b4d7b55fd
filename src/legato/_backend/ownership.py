"""Which process owns a run, and what becomes of the runs of one that died.

A process that records holds a kernel lock on `owners/<writer id>`. Whoever opens the home next
looks at the writers of unfinished runs and closes those of this machine whose lock is free *and*
whose process is gone. However long a live process is silent, it is never touched.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from legato._model.records import Writer
from legato._store import writers
from legato._store.faults import failpoint
from legato._store.port import Lane

if sys.platform == "win32":
    from legato._backend import platform_windows as platform
else:
    from legato._backend import platform_posix as platform

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from legato._store.port import Store

process_exists, process_start = platform.process_exists, platform.process_start

LITTER_SECONDS = 60.0  # an owner file this old was locked long ago, or never will be
LITTER_LIMIT = 16  # files looked at by one sweep

# owner files that this process holds: it must never open one a second time
_held: dict[UUID, tuple[Path, int]] = {}


def introduce(writer_id: UUID, now: datetime) -> Writer:
    """Describe this process."""
    pid = os.getpid()
    return Writer(
        id=writer_id,
        host=platform.host(),
        pid=pid,
        pid_start=platform.process_start(pid),
        pid_namespace=platform.pid_namespace(),
        opened_at=now,
    )


def unknown(writer_id: UUID, now: datetime) -> Writer:
    """Describe a process of this machine of which nothing but its id is known."""
    return Writer(
        id=writer_id,
        host=platform.host(),
        pid=0,
        pid_start=None,
        pid_namespace=platform.pid_namespace(),
        opened_at=now,
    )


def hold(owners: Path, writer: Writer) -> None:
    """Own what `writer` records, until this process ends."""
    if writer.id not in _held:
        path = owners / writer.id.hex
        failpoint("ownership.before_hold")
        _held[writer.id] = path, platform.hold(path, f"{writer.pid} {writer.host}\n")


def let_go(writer_id: UUID) -> None:
    """Remove the owner file; from now on only the process itself shows that it lives."""
    held = _held.get(writer_id)
    if held is not None:
        with contextlib.suppress(OSError):
            held[0].unlink()


def release(writer_id: UUID) -> None:
    """Remove the owner file and give up its lock: nothing of this writer runs any more."""
    let_go(writer_id)
    held = _held.pop(writer_id, None)
    if held is not None:
        os.close(held[1])


def forget() -> None:
    """After a fork, in the child: the locks are the parent's."""
    for _, fd in _held.values():
        os.close(fd)
    _held.clear()


def sweep(
    store: Store,
    owners: Path,
    now: datetime,
    spared: Callable[[], Container[UUID]] = tuple,
) -> list[UUID]:
    """Close the runs of dead processes; return the flow runs that this touched.

    `spared` names writers that have still something to say.
    """
    dead = list(dead_among(store.read(writers.list_open), owners))
    if dead:
        # asked after they were found dead: a dead process begins no spool
        excepted = spared()
        dead = [writer for writer in dead if writer.id not in excepted]
    closed: list[UUID] = []
    if dead:
        from legato._control.attempts import close_dead

        failpoint("ownership.before_close")
        closed = store.run(lambda tx: close_dead(tx, now, dead), Lane.LEASES)
        for writer in dead:
            _unlink(owners / writer.id.hex)
    _tidy(owners)
    return closed


def sweep_leased(store: Store, now: datetime) -> list[UUID]:
    """Close the runs of dead processes that a lease would show to live for a while yet.

    Only those of this very machine and pid namespace, where a number and a start tell for sure.
    """
    from legato._store import attempt_leases

    here = platform.pid_namespace()
    if here is None:
        return []
    dead = [
        writer
        for writer in store.read(attempt_leases.list_writers)
        if writer.pid_namespace == here
        and writer.pid_start is not None
        and platform.process_start(writer.pid) != writer.pid_start
    ]
    if not dead:
        return []
    from legato._control.attempts import close_dead

    return store.run(lambda tx: close_dead(tx, now, dead), Lane.LEASES)


def reap(store: Store, owners: Path, now: datetime) -> int:
    """End leases that were not renewed; however late, never one of a process that lives here."""
    from legato._control import slots as control
    from legato._model.operations.slots import ReapSlots
    from legato._store import slots

    expired = {writer for _, writer in store.read(lambda tx: slots.list_expired(tx, now))}
    alive = [writer for writer in expired if _lives_here(writer, owners)]
    if len(alive) == len(expired):
        return 0
    request = ReapSlots(alive=alive)
    return store.run(lambda tx: control.reap(tx, now, request), Lane.LEASES)


def _lives_here(writer_id: UUID, owners: Path) -> bool:
    return writer_id in _held or platform.is_held(owners / writer_id.hex)


def dead_among(candidates: Iterable[Writer], owners: Path) -> Iterable[Writer]:
    """Yield the writers of which this machine knows that they are gone."""
    for writer in candidates:
        if writer.id in _held or writer.host != platform.host():
            continue
        if _is_gone(writer) and not platform.is_held(owners / writer.id.hex):
            yield writer


def owns(writer_id: UUID, owners: Path) -> bool:
    """Tell whether a process of this machine, this one or another, holds the lock of a writer."""
    return writer_id in _held or platform.is_held(owners / writer_id.hex)


def is_over(writer: Writer, owners: Path, *, anywhere: bool = False) -> bool:
    """Tell whether a process has ended whose spool was found here.

    Its lock says so on this machine, in any container of it. A process of another machine is
    taken for dead only if `anywhere` says that none of those lives.
    """
    if owns(writer.id, owners):
        return False
    here = platform.pid_namespace()
    if writer.host == platform.host() and writer.pid_namespace == here:
        return _is_gone(writer)
    boot = (here or "").partition(" ")[0]
    same_kernel = bool(boot) and (writer.pid_namespace or "").startswith(boot)
    return same_kernel or writer.host == platform.host() or anywhere


def _is_gone(writer: Writer) -> bool:
    """Tell whether the process has ended, as far as its number, start and namespace can tell."""
    here = platform.pid_namespace()
    if writer.pid == os.getpid() and writer.pid_start == platform.process_start(writer.pid):
        return False
    if here is None or writer.pid_namespace is None:
        return not platform.process_exists(writer.pid)
    boot, _, _ = here.partition(" ")
    if not writer.pid_namespace.startswith(boot):
        return True  # the machine was started anew
    if writer.pid_namespace != here:
        return False  # a container of this machine: its pid numbers mean nothing here
    start = platform.process_start(writer.pid)
    return start is None or start != writer.pid_start


def _tidy(owners: Path) -> None:
    """Remove owner files that nobody holds, a few at a time."""
    own = {path.name for path, _ in _held.values()}
    before = time.time() - LITTER_SECONDS
    with contextlib.suppress(OSError), os.scandir(owners) as files:
        for _, file in zip(range(LITTER_LIMIT), files, strict=False):
            path = owners / file.name
            old = file.name not in own and file.stat().st_mtime < before
            if old and not platform.is_held(path):
                _unlink(path)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
