"""Looking at the frames of all threads cannot stop the process."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import pytest

from legato._sdk import frames


@pytest.fixture
def eager() -> Iterator[list[str]]:
    """Collect garbage at every chance; note the phases."""
    phases: list[str] = []

    def note(phase: str, _: dict[str, int]) -> None:
        phases.append(phase)

    before = gc.get_threshold()
    gc.callbacks.append(note)
    gc.set_threshold(1, 1, 1)
    yield phases
    gc.set_threshold(*before)
    gc.callbacks.remove(note)


@pytest.fixture
def sleepers() -> Iterator[list[threading.Thread]]:
    end = threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    yield threads
    end.set()
    for thread in threads:
        thread.join()


def test_no_garbage_is_collected_while_the_frames_are_made(
    eager: list[str], sleepers: list[threading.Thread]
) -> None:
    gc.collect()
    eager.clear()
    found = frames.of_threads()
    seen = list(eager)
    assert found.keys() >= {thread.ident for thread in sleepers}
    # before and after there may be some; while the frames are made there would be one for each
    assert len(seen) < len(sleepers)
    assert gc.isenabled()


def test_collecting_stays_switched_off_where_it_was() -> None:
    gc.disable()
    try:
        frames.of_threads()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_forked_child_looks_although_a_thread_of_its_parent_does() -> None:
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with frames._one_at_a_time:
            held.set()
            free.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if threading.get_ident() in frames.of_threads() else 1)
    free.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0
