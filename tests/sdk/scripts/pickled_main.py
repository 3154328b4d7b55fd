"""Sends a task of the main module to another process; argv[1] says with what it is pickled."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys

import cloudpickle

from legato import task


@task
def double(x: int) -> int:
    return 2 * x


CHILD = "import pickle, sys; t = pickle.load(sys.stdin.buffer); print([t(x) for x in (1, 2, 3)])"

if __name__ == "__main__":
    if sys.argv[1] == "pickle":
        pickle.dumps(double)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(double, [1, 2, 3]))
    else:
        blob = cloudpickle.dumps(double)
        run = subprocess.run([sys.executable, "-c", CHILD], input=blob, check=False)
        sys.exit(run.returncode)
