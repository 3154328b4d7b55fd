"""Has an engine of others do task runs: what goes out through it, what comes home by the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from legato._engine.effects import Raised
from legato._engine.endings import of_exception
from legato._sdk import pickling
from legato._sdk.exceptions import SerializationError
from legato._sdk.packing import Packer
from legato._sdk.remote_run import RemoteRun
from legato._sdk.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection

    from legato._sdk.submission import Submission


class Engine(Protocol):
    """What does the work: a cluster of Dask or Ray."""

    name: str
    host: str
    """The address of this process at which its workers reach it."""

    def submit(
        self, name: str, key: str, blob: bytes, done: Callable[[BaseException | None], None]
    ) -> Any:
        """Have a worker call `run_errand(blob)`; return what to forget the task by.

        `done` is called with the error, or None, when the engine has done all that it will.
        """
        ...

    def forget(self, handle: Any) -> None:
        """Let go of a task that has ended or is not wanted."""
        ...

    def kill(self, handles: Iterable[Any]) -> None:
        """Kill the processes that are at work on these tasks, if nobody else needs them."""
        ...

    def close(self) -> None:
        """Let go of the cluster; end it if it is this process's own."""
        ...


class Dispatch:
    """The task runs of one flow run that are with an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._packer = Packer()
        self._runs: dict[str, RemoteRun] = {}
        self._stopped = False
        self._wire = Wire(engine.host, self._serve)

    def send(self, submission: Submission) -> None:
        """Have the engine do a task run that is ready; raises nothing."""
        try:
            if submission.begins():
                self._send(submission)
        except BaseException as exc:  # noqa: BLE001 - whoever ended an upstream run must go on
            submission.fail(exc)

    def stop(self) -> None:
        """End all that is at work."""
        self._stopped = True
        runs = list(self._runs.values())
        for run in runs:
            run.give_up()
        self._engine.kill(run.handle for run in runs if run.handle is not None)

    def close(self) -> None:
        """Let go of the workers; nothing runs any more."""
        self._wire.close()
        self._engine.close()

    def _send(self, submission: Submission) -> None:
        try:
            packed = self._packer.pack(submission)
        except SerializationError as error:
            submission.drop(of_exception("Task run", Raised(error, "error"), None))
            return
        run = RemoteRun(submission, self._engine.name, self._ended)
        self._runs[run.key] = run
        blob = pickling.dumps((self._wire.home, run.key, *packed))
        try:
            run.handle = self._engine.submit(run.name, run.key, blob, run.done)
        except Exception as error:  # noqa: BLE001 - options that the engine does not take
            run.give_up(of_exception("Task run", Raised(error, "error"), None))
        if self._stopped:
            run.give_up()

    def _ended(self, run: RemoteRun) -> None:
        self._runs.pop(run.key, None)
        if run.handle is not None:
            self._engine.forget(run.handle)

    def _serve(self, worker: Connection) -> None:
        """Take in what one worker says about one run after the other."""
        while True:
            _, key = worker.recv()
            run = self._runs.get(key)
            now = run.begin(worker) if run is not None else None
            if run is None or now is None:
                worker.send((True, None))
            else:
                run.hear(worker, now)
