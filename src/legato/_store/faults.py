"""Named points at which a test can make the process fail.

`LEGATO_FAILPOINTS="name=action:hit,..."` arms them when the process starts, or `arm(text)` later.
The action happens at hit number `hit` (1 if left out):

    kill    kill -9 the own process
    raise   raise InjectedFault
    pause   stop the process (SIGSTOP) until someone sends SIGCONT
    note    append the name to the file LEGATO_FAILPOINTS_NOTES
    p0.01   raise InjectedFault with that probability at every hit; `hit` is the seed
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from legato._store.port import Grade, Lane, Store, Transaction, Watch

T = TypeVar("T")

POINTS = frozenset(
    {
        "checkpoint.after", "checkpoint.before",
        "journal.after_fork_in_child", "journal.after_fork_in_parent", "journal.after_sink",
        "journal.before_answers", "journal.before_drain", "journal.before_fork",
        "journal.before_sink", "journal.close",
        "ownership.before_close", "ownership.before_hold",
        "spool.after_put", "spool.after_remove", "spool.before_commit", "spool.before_discard",
        "spool.before_put", "spool.before_remove", "spool.before_rescue", "spool.delivered",
        "spool.made",
        "store.after_begin", "store.after_commit", "store.after_lock", "store.after_unlock",
        "store.before_begin", "store.before_commit", "store.before_lock", "store.opened",
        "template.after_rename", "template.before_copy", "template.before_rename",
    }
)  # fmt: skip
"""All points of a run; a test asserts that this is true and that each is hit."""
UPGRADE_POINTS = frozenset(
    {
        "upgrade.after_backup", "upgrade.after_begin", "upgrade.after_commit",
        "upgrade.before_backup", "upgrade.before_commit", "upgrade.before_link",
    }
)  # fmt: skip
"""Those of an upgrade, which needs an older database."""
DURABLE_POINTS = frozenset(
    {
        "attempt.after_open", "attempt.before_open", "replay.claimed", "replay.listed",
        "ahead.after_keep", "ahead.before_keep", "step.after_commit", "step.before_commit",
    }
)  # fmt: skip
"""Those of durable runs, the first four of resumed ones."""
SERVER_POINTS = frozenset({"server.before_answer"})
"""Those of a server, beside those of its store."""


class InjectedFault(OSError):
    """A fault that a test asked for."""


class _Point:
    """One armed point."""

    def __init__(self, action: str, hit: int) -> None:
        self.action, self.hit, self.hits = action, hit, 0
        self.chance = float(action[1:]) if action.startswith("p0") else None
        self.seed = hit * 2654435761 % 2**32

    def strike(self, name: str) -> None:
        self.hits += 1
        if self.chance is not None:
            self.seed = (self.seed * 1664525 + 1013904223) % 2**32
            if self.seed / 2**32 < self.chance:
                raise InjectedFault(f"injected at {name}")
        elif self.hits == self.hit:
            _act(self.action, name)


def _act(action: str, name: str) -> None:
    if action == "raise":
        raise InjectedFault(f"injected at {name}")
    if action == "note":
        with open(os.environ["LEGATO_FAILPOINTS_NOTES"], "a", encoding="utf-8") as notes:
            notes.write(f"{name}\n")
        return
    import signal

    os.kill(os.getpid(), signal.SIGSTOP if action == "pause" else signal.SIGKILL)


def _parse(text: str) -> dict[str, _Point]:
    points: dict[str, _Point] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, action = part.partition("=")
        action, _, hit = action.partition(":")
        points[name] = _Point(action or "kill", int(hit or 1))
    return points


_armed = _parse(os.environ.get("LEGATO_FAILPOINTS", ""))


def arm(text: str) -> None:
    """Arm the points of `text` and disarm all others; an empty text disarms all."""
    _armed.clear()
    _armed.update(_parse(text))


def failpoint(name: str) -> None:
    """Do nothing unless a test has armed this point."""
    if _armed and (point := _armed.get(name)) is not None:
        point.strike(name)


class FaultyStore:
    """A store that now and then fails: before a transaction, in it, or after its commit.

    "After the commit" is the one that matters: executed but reported failed. Each kind happens
    with probability `chance`, drawn from `draw` (a number in [0, 1)).
    """

    def __init__(self, store: Store, draw: Callable[[], float], chance: float = 0.01) -> None:
        self.store, self.draw, self.chance = store, draw, chance
        self.faults = 0

    def _fault(self, where: str) -> None:
        if self.draw() < self.chance:
            self.faults += 1
            raise InjectedFault(f"injected {where}")

    def run(
        self,
        op: Callable[[Transaction], T],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> T:
        def within(tx: Transaction) -> T:
            value = op(tx)
            self._fault("before the commit")
            return value

        self._fault("before the transaction")
        value = self.store.run(within, lane, grade)
        self._fault("after the commit")
        return value

    def run_all(
        self,
        ops: Sequence[Callable[[Transaction], T]],
        lane: Lane = Lane.FACTS,
        grade: Grade = Grade.ACKED,
    ) -> list[T | BaseException]:
        outcomes: list[T | BaseException] = []
        for op in ops:
            try:
                outcomes.append(self.run(op, lane, grade))
            except Exception as error:  # noqa: BLE001 - it is what this operation gave
                outcomes.append(error)
        return outcomes

    def read(self, op: Callable[[Transaction], T]) -> T:
        self._fault("before a read")
        return self.store.read(op)

    def read_placed(self, op: Callable[[Transaction, int], T]) -> T:
        self._fault("before a read")
        return self.store.read_placed(op)

    def upkeep(self) -> Callable[[], None] | None:
        return self.store.upkeep()

    def shrink(self, spare: float) -> int:
        return self.store.shrink(spare)

    def stable_position(self) -> int:
        return self.store.stable_position()

    def watch(self, wake: Callable[[], None]) -> Watch:
        return self.store.watch(wake)

    def announce(self) -> None:
        self.store.announce()

    def close(self) -> None:
        self.store.close()

    def prepare_fork(self) -> None:
        self.store.prepare_fork()

    def resume_fork(self) -> None:
        self.store.resume_fork()

    def forget(self) -> None:
        self.store.forget()
