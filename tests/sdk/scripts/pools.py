"""Tasks that are called in pools of the user's own, with the run taken along."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from legato import flow, get_run_logger, tags, task
from legato.context import with_context


@task
def double(x: int) -> int:
    get_run_logger().info("doubling %s", x)
    return 2 * x


def plain(x: int) -> int:
    future = double.submit(x)
    return future.result()


@task
def outer(x: int) -> int:
    with ThreadPoolExecutor() as pool:
        return sum(pool.map(with_context(double), [x, x]))


@flow
def threads() -> int:
    with ThreadPoolExecutor() as pool, tags("pool"):
        return sum(pool.map(with_context(double), range(5))) + outer(1)


@flow
def processes(method: str) -> int:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, context) as pool, tags("pool"):
        found = sum(pool.map(with_context(double), range(5)))
        return found + sum(pool.map(with_context(plain), range(3)))


@flow
def loky() -> int:
    from joblib import Parallel, delayed

    with tags("pool"):
        carried = with_context(double)  # joblib makes later calls in a thread of its own
        return sum(Parallel(2)(delayed(carried)(x) for x in range(5)))


if __name__ == "__main__":
    name = sys.argv[1]
    print(processes(name) if name in ("spawn", "forkserver") else globals()[name]())
