"""The threads of a task runner: made when the ones that there are get stuck.

Threads share one interpreter lock, so a second one helps only while the first one waits. One
starts at once; a pacer looks every two milliseconds whether jobs stand still, and then doubles
the threads. Where somebody computes all the time it adds one each tenth of a second. So ten
thousand short tasks run on one thread or two, and a hundred that sleep run on a hundred soon.

Who submits more than the threads can take pauses until they have caught up, if that takes no
longer than some milliseconds. Short tasks so run while what they need is still in the cache, on an
interpreter that nobody competes for. When the line is empty is the moment of the lull: what began
has ended, and is recorded in one piece before who pauses goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread, get_ident
from typing import TypeVar

from legato._sdk import frames
from legato._sdk.at_work import is_ours, waits_for_long

LOOK_SECONDS = 0.002
PATIENCE_SECONDS = 0.1
MANY = 64  # submissions after which who makes them pauses
PAUSE_SECONDS = 0.01
PAUSES = 5  # at most, one after the other
BRISK = 16  # jobs begun in a pause, for which another one is worth it
Job = Callable[[], object]
T = TypeVar("T")


class Threads:
    """Runs jobs in the order in which they come, as many at once as get stuck.

    `lull` is called when no job stands in line.
    """

    def __init__(self, name: str, lull: Callable[[], object] | None = None) -> None:
        self._name = name
        self._lull = lull
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._idle: list[None] = []  # one item for each thread that waits for a job
        self._count = 0
        self._taken = 0
        self._workers: list[int] = []  # identifiers of the threads
        self._pacer: Thread | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._resting = True  # the pacer waits for the bell, or is not there yet
        self._closed = False
        self._ahead = 0  # submissions since the line was empty
        self._many = MANY
        self._pauses: list[Lock] = []  # what those who pause wait for

    def add(self, job: Job) -> None:
        """Run `job` soon on one of the threads; it may not raise."""
        self._jobs.put(job)
        if self._count == 0:
            self._start(1)
        elif self._resting and self._jobs.qsize() > len(self._idle):
            self._notice()

    def keep_up(self) -> None:
        """Count a submission; pause if it is far ahead of the threads."""
        self._ahead += 1
        if self._ahead >= self._many and self._count:
            self._pause()

    def _pause(self) -> None:
        """Wait until no job stands in line; if these threads do not get there, allow more."""
        threads, caught_up = self._count, Lock()
        caught_up.acquire()
        self._pauses.append(caught_up)
        if self._jobs.empty() and len(self._idle) == threads:
            self._go_on()
        in_time = self._waited(caught_up) and self._count == threads
        self._many = MANY if in_time else 2 * self._many
        self._ahead = 0

    def _waited(self, caught_up: Lock) -> bool:
        """Tell whether the threads caught up; wait longer while they make good headway."""
        for _ in range(PAUSES):
            taken = self._taken
            if caught_up.acquire(timeout=PAUSE_SECONDS):
                return True
            if self._taken - taken < BRISK:
                break
        return False

    def close(self) -> None:
        """End the threads when they have nothing to do any more."""
        self._closed = True
        self._jobs.put(None)
        self._bell.put(None)

    def _notice(self) -> None:
        """See that the pacer looks."""
        self._resting = False
        if self._pacer is None:
            self._pacer = Thread(target=self._pace, name=f"{self._name}-pacer", daemon=True)
            self._pacer.start()
        else:
            self._bell.put(None)

    def _start(self, count: int) -> None:
        for _ in range(count):
            self._count += 1
            name = f"{self._name}-{self._count}"
            Thread(target=self._work, name=name, daemon=True).start()

    def _stuck(self) -> bool:
        """Tell whether the code of users is at work on all threads: ours is never slow for long."""
        found = frames.of_threads()
        workers = list(self._workers)
        return not self._idle and not any(is_ours(found.get(worker)) for worker in workers)

    def _work(self) -> None:
        jobs, idle, pauses = self._jobs, self._idle, self._pauses
        self._workers.append(get_ident())
        while True:
            if jobs.empty():
                self._caught_up()
            idle.append(None)
            if pauses and jobs.empty():
                self._go_on()
            job = _next(jobs)
            idle.pop()
            if job is None:
                jobs.put(None)  # for the next thread
                return
            self._taken += 1
            if self._resting and not jobs.empty():
                self._notice()
            job()
            del job  # holds what the task was given

    def _caught_up(self) -> None:
        """Use the moment while those who submit still pause; then let them go on."""
        if self._lull is not None:
            self._lull()
        if self._jobs.empty():
            self._ahead = 0
            self._go_on()

    def _go_on(self) -> None:
        """Wake those who pause."""
        while self._pauses:
            try:
                self._pauses.pop().release()
            except IndexError:  # another thread has taken it
                return

    def _pace(self) -> None:
        """Start threads while jobs stand still; rest while there are none."""
        seen, since = -1, 0.0
        while not self._closed:
            if self._jobs.empty():
                self._resting = True
                if self._jobs.empty():
                    _next(self._bell)
                self._resting = False
            before = time.monotonic()
            time.sleep(LOOK_SECONDS)
            now = time.monotonic()
            if self._taken != seen or self._jobs.empty():
                seen, since = self._taken, now
            elif now - before < 2 * LOOK_SECONDS and self._stuck():
                self._start(min(self._count, self._jobs.qsize()))
            elif now - since > PATIENCE_SECONDS:
                # somebody computes, or our own code is slow: more threads would hardly help
                self._start(1)
                since = now


@waits_for_long
def _next(queue: SimpleQueue[T]) -> T:
    """Wait for what comes next; a thread that does so does not get on by itself."""
    return queue.get()
