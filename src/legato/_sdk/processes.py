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
from legato._sdk.exceptions import SerializationError
from legato._sdk.packing import Packer
from legato._sdk.relay import Relay

if TYPE_CHECKING:
    from legato._sdk.submission import Submission

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
        self._stopped = False
        self._packer = Packer()

    def do(self, submission: Submission) -> None:
        """Take a task run to its end in one of the processes; raises nothing."""
        if not submission.begins():
            return
        try:
            job = self._packer.pack(submission)
        except SerializationError as error:
            submission.drop(of_exception("Task run", Raised(error, "error"), None))
            return
        try:
            self._work(submission, job)
        except BaseException as exc:  # noqa: BLE001 - a thread must go on, a future must end
            submission.fail(exc)

    def stop(self) -> None:
        """Kill the processes that are at work, for good: what begins now is killed, too."""
        with self._lock:
            self._stopped = True
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
        submission.end_elsewhere(state, draft, relay.staged)

    def _taken(self) -> Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = Worker(self._greeting)
        with self._lock:
            self._busy.add(worker)
            if self._stopped:  # while the process began
                worker.process.kill()
        return worker


def _died(worker: Worker) -> Draft:
    message = f"The process of the task {worker.describe_end()} before the task had ended."
    return Draft(type=StateType.CRASHED, message=message)
