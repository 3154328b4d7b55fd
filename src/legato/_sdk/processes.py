"""The processes of a task runner, seen from the process of the flow.

A worker is a fresh interpreter that does one task after the other. It runs them with the engine of
`drive.py`; what it records comes here through a pipe and goes into the journal of this process, in
order. A worker that dies leaves a Crashed task run.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from threading import Lock
from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft, Enter, Raised
from legato._engine.endings import of_exception
from legato._model.states import StateType
from legato._sdk import pickling
from legato._sdk.context import current_tags
from legato._sdk.exceptions import SerializationError
from legato._sdk.relay import Relay

if TYPE_CHECKING:
    from legato._sdk.submission import Submission
    from legato._sdk.task import Task
    from legato._sdk.task_execution import TaskExecution

EXIT_SECONDS = 5.0
_START = (
    "import sys; sys.path[:] = {path!r}; from legato._sdk.process_child import main; main({fd})"
)


class Worker:
    """One process, and the pipe to it."""

    def __init__(self, greeting: bytes) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            code = _START.format(path=sys.path, fd=theirs.fileno())
            python: Any = subprocess
            flags: list[str] = python._args_from_interpreter_flags()  # noqa: SLF001
            self.process = subprocess.Popen(
                [sys.executable, *flags, "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self.pipe = Connection(ours.detach())
        self.pipe.send_bytes(greeting)

    def close(self) -> None:
        """End a process that has nothing to do."""
        self.pipe.close()
        try:
            self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def describe_end(self) -> str:
        """Return how a process that is gone has ended."""
        self.process.kill()  # the pipe may be closed before the process is gone
        code = self.process.wait()
        if code >= 0:
            return f"exited with status {code}"
        return f"was ended by {signal.Signals(-code).name}"


class Workers:
    """Starts processes as they are needed, and has each do one task at a time."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self._lock = Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._tasks: dict[Task[Any, Any], bytes] = {}

    def do(self, submission: Submission) -> None:
        """Take a task run to its end in one of the processes; raises nothing."""
        if not submission.begins():
            return
        run = submission.run
        try:
            job = self._packed(run, submission)
        except SerializationError as error:
            draft = of_exception("Task run", Raised(error, "error"), None)
            submission.end(run.enter(Enter(draft)), draft)
            return
        try:
            self._work(submission, job)
        except BaseException as exc:  # noqa: BLE001 - a thread must go on, a future must end
            submission.fail(exc)

    def stop(self) -> None:
        """Kill the processes that are at work."""
        with self._lock:
            for worker in self._busy:
                worker.process.kill()

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _work(self, submission: Submission, job: tuple[bytes, bytes]) -> None:
        worker, relay = self._taken(), Relay(submission.run)
        try:
            try:
                worker.pipe.send(job)
                state, draft = relay.until_end(worker.pipe)
            finally:
                with self._lock:
                    self._busy.discard(worker)
        except (EOFError, OSError):
            died = _died(worker)  # waits for it, whatever it died of
            draft = submission.interruption() or died
            worker.pipe.close()
            relay.close_open_runs(draft)
            state = submission.run.enter(Enter(draft))
        else:
            with self._lock:
                self._idle.append(worker)
        submission.end(state, draft)

    def _taken(self) -> Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = Worker(self._greeting)
        with self._lock:
            self._busy.add(worker)
        return worker

    def _packed(self, run: TaskExecution, submission: Submission) -> tuple[bytes, bytes]:
        """Return the task and its call as bytes."""
        task = run.task
        blob = self._tasks.get(task)
        if blob is None:
            blob = _dumped(f"Task {task.name!r}", task)
            if not task.ismethod:  # each access to a method makes another object
                self._tasks[task] = blob
        try:
            call = pickling.dumps(_call_of(run, submission))
        except Exception as error:
            for name, value in run.context.parameters.items():
                _dumped(f"Argument {name!r} of task run {run.context.name!r}", value)
            raise SerializationError(
                f"The call of task run {run.context.name!r} cannot be sent to another process: "
                f"{error}"
            ) from error
        return blob, call


def _dumped(what: str, value: Any) -> bytes:
    try:
        return pickling.dumps(value)
    except Exception as error:
        raise SerializationError(
            f"{what}, {type(value).__name__}, cannot be sent to another process: {error}. "
            "Make it inside of the task, or use ThreadPoolTaskRunner, which sends nothing."
        ) from error


def _call_of(run: TaskExecution, submission: Submission) -> dict[str, Any]:
    """Return all of a task run that its other half must know."""
    context, flow = run.context, run.context.flow_run_context
    assert flow is not None  # noqa: S101 - tasks are submitted inside flows
    shared = ("id", "name", "tags", "log_prints", "state", "progress", "version", "step_key")
    return {
        "args": run.args,
        "kwargs": run.kwargs,
        "current_tags": submission.context.get(current_tags, frozenset()),
        "run": {name: getattr(context, name) for name in (*shared, "parameters")},
        "flow": {name: getattr(flow, name) for name in (*shared, "epoch", "flow_id", "root_id")},
        "flow_of": {"name": flow.flow.name, "version": flow.flow.version},
        "storage": run.backend.storage(),
    }


def _died(worker: Worker) -> Draft:
    message = f"The process of the task {worker.describe_end()} before the task had ended."
    return Draft(type=StateType.CRASHED, message=message)
