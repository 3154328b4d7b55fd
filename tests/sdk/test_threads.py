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
        threads.keep_up()
    assert done == []
    gate.set()
    for number in range(MANY, 3 * MANY):
        threads.add(lambda number=number: done.append(number))
        threads.keep_up()
        assert number - len(done) < MANY, "nobody paused"
    assert done == list(range(len(done)))


def test_jobs_that_wait_hold_up_nobody_who_adds(threads: Threads) -> None:
    gate, started = Event(), list[int]()

    def wait(number: int) -> None:
        started.append(number)
        gate.wait()

    for number in range(8 * MANY):
        threads.add(lambda number=number: wait(number))
        threads.keep_up()
    assert not gate.is_set()
    gate.set()


def test_who_submits_far_ahead_goes_on_at_once_if_the_threads_have_nothing_to_do(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 30.0)
    ran = Event()
    threads.add(ran.set)
    assert ran.wait(30)
    for _ in range(2 * MANY):
        threads.keep_up()  # as for tasks that wait for something elsewhere


def test_the_lull_comes_when_no_job_stands_in_line() -> None:
    gate, over = Event(), Event()
    seen, done = list[int](), list[int]()

    def lull() -> None:
        seen.append(len(done))
        if len(done) == MANY:
            over.set()

    threads = Threads("test", lull)
    threads.add(lambda: (gate.wait(), done.append(0)))
    for number in range(1, MANY):
        threads.add(lambda number=number: done.append(number))
    seen.clear()
    gate.set()
    assert over.wait(30)
    threads.close()
    assert seen[-1] == MANY
