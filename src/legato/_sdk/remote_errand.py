"""What the workers of Dask and Ray call: it does one task run, and tells the flow's process.

A worker of Dask does several at once, each with a connection of its own. Connections are kept for
the next task of the same flow run.
"""

from __future__ import annotations

from contextvars import copy_context
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from legato._sdk import pickling, run_logs, services, wire
from legato._sdk.context import FlowRunContext
from legato._sdk.deadlines import DeadlinePassed, Watcher
from legato._sdk.errand import Errand
from legato._sdk.pipe import Pipe, PipeBackend

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.wire import Home

KEPT_TASKS = 128
_idle: dict[Home, list[Pipe]] = {}
_lock = Lock()


def run_errand(blob: bytes) -> None:
    """Do the task run that was packed; raise ConnectionError if nobody hears of it."""
    home, key, task_blob, call_blob = pickling.loads(blob)
    task, call = _task(task_blob), pickling.loads(call_blob)
    pipe = _taken(home)
    try:
        now = pipe.ask("begin", key)
        if now is not None:
            call["run"].update(now)
            copy_context().run(_do, pipe, task, call)
    except BaseException:
        pipe.close()
        raise
    _give_back(home, pipe)


@lru_cache(KEPT_TASKS)
def _task(blob: bytes) -> Any:
    return pickling.loads(blob)


def _do(pipe: Pipe, task: Any, call: dict[str, Any]) -> None:
    services.stand_in(_backend_here)
    run_logs.setup()
    leave = Watcher(0.0, DeadlinePassed())  # nobody waits any more for what this thread does
    pipe.on_loss = leave.start
    try:
        Errand(PipeBackend(pipe), task, call).run()
    finally:
        leave.stop()


def _backend_here() -> Backend:
    """Return the backend of the active run: several flows may have tasks in this process."""
    from legato._backend.current import current as own_backend

    flow = FlowRunContext.get()
    return flow.backend if flow is not None else own_backend()


def _taken(home: Home) -> Pipe:
    with _lock:
        idle = _idle.get(home)
        if idle:
            return idle.pop()
    return Pipe(wire.connect(home), on_loss=lambda: None)


def _give_back(home: Home, pipe: Pipe) -> None:
    with _lock:
        pipe.on_loss = lambda: _forget(home)
        _idle.setdefault(home, []).append(pipe)
    if pipe.lost:
        _forget(home)


def _forget(home: Home) -> None:
    """Let go of the connections to a process that has closed one of them."""
    with _lock:
        gone = _idle.pop(home, [])
    for pipe in gone:
        pipe.close()
