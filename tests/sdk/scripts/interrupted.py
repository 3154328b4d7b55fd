"""Flows that are interrupted; argv[1] names one. Each prints `ready` when the signal may come."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import select
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from legato import flow, task
from legato.context import FlowRunContext
from legato.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

THREADS = 50
FEEDERS = 4


def ready() -> None:
    os.write(1, b"ready\n")


def ready_soon() -> None:
    """Be ready once this thread waits: CPython loses a signal that comes as a wait begins."""
    threading.Timer(0.1, ready).start()


@task
def quick(n: int) -> int:
    return n


@task
def sleepy() -> None:
    ready_soon()
    time.sleep(60)


@flow
def blocked() -> None:
    """In a blocking call of a task."""
    quick(1)
    sleepy()
    quick(2)


@flow
def deep() -> None:
    """Two flows and a task further down."""
    quick(0)
    blocked()


@flow
def talking() -> None:
    """Does nothing but log; there an exception might leave a handler locked."""
    logging.root.addHandler(logging.NullHandler())
    ready_soon()
    while True:
        logging.getLogger("talking").info("on and on")


@flow
def joining() -> None:
    """Waits for threads that sleep."""
    quick(1)
    threads = [threading.Thread(target=time.sleep, args=(60,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    ready_soon()
    for thread in threads:
        thread.join()


@flow
def pool() -> None:
    """Waits in, and then leaves, a pool whose threads sleep: its exit waits for them too."""
    quick(1)
    with ThreadPoolExecutor(THREADS) as workers:
        futures = [workers.submit(time.sleep, 60) for _ in range(THREADS)]
        ready_soon()
        for future in futures:
            future.result()


@flow
def pool_of_tasks() -> None:
    """The same with tasks of the flow in the threads."""
    with ThreadPoolExecutor(THREADS) as workers:
        futures = [
            workers.submit(contextvars.copy_context().run, napping, n) for n in range(THREADS)
        ]
        for _ in range(THREADS):
            started.acquire()
        ready_soon()
        for future in futures:
            future.result()


@flow(task_runner=ThreadPoolTaskRunner(max_workers=THREADS))
def submitted() -> None:
    """In a wait for tasks of the flow's own pool, with more of them that wait for a place."""
    futures = napping.map(range(2 * THREADS))
    for _ in range(THREADS):
        started.acquire()
    ready_soon()
    futures.wait()


@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
def processes() -> None:
    """In a wait for tasks in other processes."""
    futures = asleep.map(range(3))
    while sum(future.state.is_running() for future in futures) < 2:
        time.sleep(0.001)
    ready_soon()
    futures.wait()


@task
def asleep(n: int) -> None:
    time.sleep(60)


@flow
def settling() -> None:
    """In the wait at the end, for a task, and one that would start after it."""
    quick.submit(napping.submit(0))
    started.acquire()
    ready_soon()


@flow
def ending() -> None:
    """With a task that ends soon after the signal, before one that must not start."""
    quick.submit(brief.submit())
    started.acquire()
    ready_soon()
    gate.wait()


gate = threading.Event()


@task
def brief() -> int:
    started.release()
    while not current_flow_run_interrupted():
        time.sleep(0.001)
    return 1


def current_flow_run_interrupted() -> bool:
    run = FlowRunContext.get()
    return run is not None and bool(run.interrupted)


started = threading.Semaphore(0)


@task
def napping(n: int) -> None:
    started.release()
    time.sleep(60)


@flow
def feeding() -> None:
    """Threads start one task after the other, in a subflow."""
    inner()


@flow
def inner() -> None:
    with ThreadPoolExecutor(FEEDERS) as workers:
        context = [contextvars.copy_context() for _ in range(FEEDERS)]
        futures = [workers.submit(c.run, feed) for c in context]
        quick(-1)
        ready_soon()
        try:
            for future in futures:
                future.result()
        except BaseException:
            os.write(1, f"{time.time_ns() // 1000}\n".encode())
            raise


def feed() -> None:
    number = 0
    while True:
        quick(number := number + 1)


@flow
def cleaning() -> None:
    """Takes its time to clean up."""
    try:
        sleepy()
    finally:
        os.write(1, b"cleaning\n")
        time.sleep(60)


@flow
def printing() -> None:
    """Waits while a thread prints what nobody reads, and so has stdout for ever."""
    quick(1)
    never = threading.Event()
    threading.Thread(target=flood, daemon=True).start()
    threading.Thread(target=signal_when_flooded, daemon=True).start()
    try:
        never.wait()
    finally:
        never.wait()


@flow
def cleaning_aloud() -> None:
    """Interrupted, and once more in the middle of a print that nobody reads."""
    threading.Timer(0.1, signal_itself).start()
    try:
        time.sleep(60)
    finally:
        threading.Thread(target=signal_when_flooded, daemon=True).start()
        flood()


def flood() -> None:
    print("x" * (1 << 20))


def signal_when_flooded() -> None:
    while select.select([], [1], [], 0)[1]:
        time.sleep(0.001)
    threading.Timer(0.1, signal_itself).start()


def signal_itself() -> None:
    os.kill(os.getpid(), int(sys.argv[2]))


@task(retries=3, retry_delay_seconds=60)
def failing() -> None:
    threading.Timer(0.2, ready).start()
    raise ValueError("no")


@flow
def retrying() -> None:
    """Waits for the next try of a task."""
    failing()


@task
async def anap() -> None:
    await asyncio.sleep(60)


@flow
async def loop() -> None:
    """An async flow that waits for async tasks."""
    quick(1)
    waiting = asyncio.gather(anap(), anap(), anap())
    await asyncio.sleep(0)
    ready_soon()
    await waiting


@flow
async def parked() -> None:
    """Waits until its loop is left, and would then wait for its task to end."""
    anap.submit()
    await asyncio.sleep(60)


@flow
async def unyielding() -> None:
    """Never lets its loop go on."""
    ready()
    while True:
        quick(1)


@flow
async def together() -> None:
    """An exception of one coroutine ends the loop, which never goes back to the other."""
    await asyncio.gather(parked(), unyielding())


@flow
def stubborn() -> None:
    """Catches what it can."""
    try:
        sleepy()
    except Exception:  # noqa: BLE001 - what careless code does
        time.sleep(60)


@flow
def working() -> None:
    """Does nothing but work, so that the signal comes in anywhere in our own code."""
    quick(1)
    ready_soon()
    while True:
        small()


@flow
def small() -> None:
    for number in range(3):
        quick(number)


@flow
def elsewhere() -> None:
    """Runs while another flow runs in a thread that began first."""
    blocked()


@flow
def held_up() -> None:
    """Goes on once another process holds the database: each task that ended is told."""
    quick(0)
    os.write(1, b"recorded\n")
    sys.stdin.readline()
    ready_soon()
    for n in range(1, 4):
        quick(n)
        os.write(1, b"ended\n")
    time.sleep(60)


def on_term(signum: int, frame: object) -> None:
    os.write(1, b"mine\n")
    sys.exit(7)


if __name__ == "__main__":
    name = sys.argv[1]
    if name == "own-handler":
        signal.signal(signal.SIGTERM, on_term)
        name = "blocked"
    if name == "elsewhere":
        began = threading.Event()

        @flow
        def other() -> None:
            began.set()
            time.sleep(60)

        threading.Thread(target=other, daemon=True).start()
        began.wait()
    found = globals()[name]()
    if asyncio.iscoroutine(found):
        asyncio.run(found)
