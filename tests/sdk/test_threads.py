"""The threads of a task runner: who adds short jobs faster than they run pauses, nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from legato._sdk import threads as module
from legato._sdk.threads import MANY, Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads("test")
    yield made
    made.close()


def test_who_adds_many_short_jobs_goes_on_when_they_are_done(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 30.0)
    monkeypatch.setattr(Threads, "_stuck", lambda _: False)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 30.0)
    gate, done = Event(), list[int]()
    threads.add(lambda: (gate.wait(), done.append(0)))
    for number in range(1, MANY):
        threads.add(lambda number=number: done.append(number))
    assert done == []
    gate.set()
    for number in range(MANY, 3 * MANY):
        threads.add(lambda number=number: done.append(number))
        assert number - len(done) < MANY, "nobody paused"
    assert done == list(range(len(done)))


def test_jobs_that_wait_hold_up_nobody_who_adds(threads: Threads) -> None:
    gate, started = Event(), list[int]()

    def wait(number: int) -> None:
        started.append(number)
        gate.wait()

    for number in range(8 * MANY):
        threads.add(lambda number=number: wait(number))
    assert not gate.is_set()
    gate.set()
