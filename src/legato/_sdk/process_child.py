"""A worker process: does the tasks that it is sent, and tells the process of the flow all of it."""

from __future__ import annotations

import os
import signal
import sys
from contextvars import copy_context
from multiprocessing.connection import Connection
from typing import Any

from legato._sdk import pickling, run_logs, services
from legato._sdk.errand import Errand
from legato._sdk.pipe import Pipe, PipeBackend


def main(fd: int) -> None:
    """Do tasks until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process of the flow decides what it means
    connection = Connection(fd)
    initializer, initargs = pickling.loads(connection.recv_bytes())
    pipe = Pipe(connection, on_loss=lambda: os._exit(0))
    if initializer is not None:
        initializer(*initargs)
    backend = PipeBackend(pipe)
    services.stand_in(lambda: backend)
    run_logs.setup()
    tasks: dict[bytes, Any] = {}
    while True:
        task_blob, call_blob = pipe.jobs.get()
        task = tasks.get(task_blob)
        if task is None:
            task = tasks[task_blob] = pickling.loads(task_blob)
        errand_context = copy_context()  # which run it is, and in which transaction, ends with it
        errand_context.run(_do, backend, task, call_blob)
        sys.stdout.flush()
        sys.stderr.flush()


def _do(backend: PipeBackend, task: Any, call_blob: bytes) -> None:
    Errand(backend, task, pickling.loads(call_blob)).run()
