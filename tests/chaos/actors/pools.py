"""A task that hands its work to child processes in the way that argv[1] names, argv[2] times.

Every child calls a task and a flow with tasks; the last line is what the children returned.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

from legato import flow, task

NUMBERS = range(8)
LATER = "from tests.chaos.actors.pools import work; print(work({}))"


@task
def leaf(n: int) -> int:
    return n


@flow
def twig(n: int) -> int:
    return leaf(n) + leaf(n)


def work(n: int) -> int:
    return leaf(7) + twig(n)


def loky() -> list[int]:
    from joblib import Parallel, delayed

    return Parallel(2, backend="loky")(delayed(work)(n) for n in NUMBERS)


def joblib_multiprocessing() -> list[int]:
    from joblib import Parallel, delayed

    return Parallel(2, backend="multiprocessing")(delayed(work)(n) for n in NUMBERS)


def pool(method: str) -> list[int]:
    with multiprocessing.get_context(method).Pool(2) as workers:
        return workers.map(work, NUMBERS, chunksize=2)


def executor() -> list[int]:
    with ProcessPoolExecutor(2) as workers:
        return list(workers.map(work, NUMBERS))


def children() -> list[int]:
    started = [
        subprocess.Popen([sys.executable, "-c", LATER.format(n)], stdout=subprocess.PIPE)
        for n in NUMBERS
    ]
    return [int(child.communicate()[0]) for child in started]


def bare_fork() -> list[int]:
    reader, writer = os.pipe()
    for n in NUMBERS:
        if not os.fork():
            os.write(writer, bytes([work(n)]))
            sys.exit()  # through the code around, as a careless script does
    for _ in NUMBERS:
        os.wait()
    return list(os.read(reader, 100))


KINDS = {
    "loky": loky,
    "joblib-multiprocessing": joblib_multiprocessing,
    "pool-fork": lambda: pool("fork"),
    "pool-spawn": lambda: pool("spawn"),
    "executor": executor,
    "subprocess": children,
    "bare-fork": bare_fork,
}


@task
def spread(kind: str) -> list[int]:
    leaf(-1)
    found = KINDS[kind]()
    leaf(-2)
    return found


@flow
def whole(kind: str, rounds: int) -> list[int]:
    leaf(-3)
    return [sum(spread(kind)) for _ in range(rounds)]


if __name__ == "__main__":
    print(*whole(sys.argv[1], int(sys.argv[2])))
