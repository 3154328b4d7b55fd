"""A task that keeps the interpreter to itself for argv[1] seconds: no other thread can run."""

from __future__ import annotations

import ctypes
import os
import sys

from legato import flow, task
from legato._backend.current import current


@task
def hold(seconds: int) -> None:
    # a commit under way would keep the lock of the file for as long, and the sweepers waiting
    current().journal.flush()
    os.write(1, b"holding\n")
    ctypes.PyDLL(None).sleep(seconds)


@flow
def whole(seconds: int) -> None:
    hold(seconds)


whole(int(sys.argv[1]))
