"""A task run that an engine of others, Dask or Ray, has a worker do, seen from the flow's process.

The engine runs a task again when its worker dies. So a task run may begin more than once; each
time a worker asks first, and one at a time is heard.
"""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft, Enter
from legato._engine.endings import describe
from legato._model.states import StateType
from legato._sdk import run_logs
from legato._sdk.relay import Relay
from legato._sdk.wire import hang_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from legato._sdk.submission import Submission

_FIELDS = ("state", "progress", "version")


class RemoteRun:
    """`on_end(self)` is called once, when the task run has ended, however it did."""

    def __init__(
        self, submission: Submission, engine: str, on_end: Callable[[RemoteRun], object]
    ) -> None:
        self._submission, self._engine, self._on_end = submission, engine, on_end
        self._relay = Relay(submission.run)
        self._changing = Lock()
        self._worker: Connection | None = None
        self._unheard = Event()
        self._unheard.set()
        self._begun = self._over = False
        self.handle: Any = None
        """What the engine knows the task by."""

    @property
    def key(self) -> str:
        """What the worker calls the run."""
        return self._submission.run.context.id.hex

    @property
    def name(self) -> str:
        """The name of the task."""
        return self._submission.run.task.name

    def begin(self, worker: Connection) -> dict[str, Any] | None:
        """Let a worker begin, with the run as it stands now; None: it is not wanted any more."""
        with self._changing:
            self._stop_hearing()
            if self._over:
                return None
            instead = self._submission.instead_of_a_start()
            if instead is None:
                self._begin(worker)
                return {name: getattr(self._submission.run.context, name) for name in _FIELDS}
            self._over = True
        self._submission.drop(instead)
        self._on_end(self)
        return None

    def hear(self, worker: Connection, now: dict[str, Any]) -> None:
        """Tell the worker to begin, and take in what it says; raise EOFError if it dies."""
        try:
            worker.send((True, now))
            state, draft = self._relay.until_end(worker)
        except (EOFError, OSError):
            message = "The worker of the task was lost."
            self._relay.close_open_runs(Draft(type=StateType.CRASHED, message=message))
            raise EOFError from None
        except BaseException as exc:  # noqa: BLE001 - the user's classes are unpickled
            self._over = True
            self._submission.fail(exc)
        else:
            self._over = True
            end, staged = self._submission.end_elsewhere, self._relay.staged
            self._submission.context.copy().run(end, state, draft, staged)
        finally:
            self._worker = None
            self._unheard.set()
        self._on_end(self)

    def done(self, error: BaseException | None) -> None:
        """Take the engine's word that it does nothing more for the run."""
        if error is None and self._worker is not None:
            return  # its last words are on the way
        message = f"{self._engine} did not run the task to its end"
        if error is not None:
            message += f": {describe(error)}"
        self.give_up(Draft(type=StateType.CRASHED, message=message))

    def give_up(self, draft: Draft | None = None) -> None:
        """End the run, if it has not ended; by default as one that was told to end."""
        with self._changing:
            self._stop_hearing()
            if self._over:
                return
            self._over = True
        if draft is None:
            message = "The task was stopped together with its flow run."
            draft = self._submission.interruption()
            draft = draft or Draft(type=StateType.CRASHED, message=message)
        self._submission.drop(draft)
        self._on_end(self)

    def _stop_hearing(self) -> None:
        worker = self._worker
        if worker is not None:
            hang_up(worker)
        self._unheard.wait()

    def _begin(self, worker: Connection) -> None:
        run = self._submission.run
        state = run.context.state
        if self._begun and state is not None and state.type is not StateType.PENDING:
            message = f"The worker was lost; {self._engine} runs the task again."
            run_logs.say(run.context, run_logs.WARNING, message)
            run.enter(Enter(Draft(type=StateType.SCHEDULED, name="AwaitingRetry", message=message)))
        self._begun, self._worker = True, worker
        self._unheard.clear()
