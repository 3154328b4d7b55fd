"""The task runs that a flow run has submitted: where they run, and that none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft, Outcome, Raised, Returned
from legato._engine.endings import of_exception
from legato._journal.forks import place
from legato._model.states import StateType
from legato._sdk import parking, resolving, sessions
from legato._sdk.context import FlowRunContext, TaskRunContext, current
from legato._sdk.submission import Submission
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from legato._sdk.futures import Future
    from legato._sdk.loops import Loop, LoopThread
    from legato._sdk.task import Task
    from legato._sdk.task_runners import TaskRunner

_TOO_LATE = "The flow run ended before this task run could start."
_NO_FLOW = (
    "A task is submitted inside a flow: its task runner does the work. Call .submit() or .map() "
    "from a function with @flow, or call the task itself."
)


class Children:
    """What one flow run has submitted."""

    def __init__(self, flow: FlowRunContext, runner: TaskRunner | None = None) -> None:
        self.place: str = place()
        self._over = False
        self._runner = flow.flow.task_runner.duplicate() if runner is None else runner
        self._runner.open(flow.name)
        self._flow = flow
        self._unfinished: set[Submission] = set()
        self._loop_thread: LoopThread | None = None
        self._loops: dict[int, Loop] = {}

    def submit(
        self,
        task: Task[Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wait_for: Iterable[Any] | None,
    ) -> Future[Any]:
        """Record a call of the task and have it run."""
        made = Submission(self, task, args, kwargs, wait_for)
        if (found := made.run.found) is not None:
            made.future.end(found.state, found.draft.data)
            return made.future
        self._unfinished.add(made)
        if task.isasync and self._runner.has_loops:
            loop = self._loop()
            made.loop = loop.loop
            made.when_ready(lambda made: self._runner.admit(made, loop.add))
        else:
            made.when_ready(self._runner.start)
            self._runner.keep_up()
        return made.future

    def instead_of_a_start(self) -> Draft | None:
        """Return the end of a run that would start now, if it may not."""
        if self._flow.interrupted:
            return self.interruption()
        return Draft(type=StateType.CANCELLED, message=_TOO_LATE) if self._over else None

    def interruption(self) -> Draft | None:
        """Return the end of all that is at work, if the process was told to end."""
        if not self._flow.interrupted:
            return None
        signal = watch.signal_again()
        return of_exception("Task run", Raised(signal, watch.cause or "interrupt"), None)

    def ended(self, submission: Submission) -> None:
        """Let go of a run that has ended."""
        self._unfinished.discard(submission)

    def _loop(self) -> Loop:
        from legato._sdk.loops import Loop, LoopThread

        running = parking.running_loop()
        outer = current.get()
        decorated = outer.task if isinstance(outer, TaskRunContext) else self._flow.flow
        if running is not None and decorated.isasync:
            return self._loops.setdefault(id(running), Loop(running))
        if self._loop_thread is None:
            self._loop_thread = LoopThread(f"{self._flow.name}-loop")
        return self._loop_thread

    def settle(self, outcome: Outcome) -> Outcome:
        """Wait until all have ended; return the outcome with states in the place of futures."""
        if self._stop_after(outcome):
            self._leaving().leave(self._unfinished)
        for submission in self._each():
            submission.future.wait()
        return self._closed(outcome)

    async def asettle(self, outcome: Outcome) -> Outcome:
        """Do as `settle` without blocking the loop."""
        if self._stop_after(outcome):
            await self._leaving().aleave(self._unfinished)
        for submission in self._each():
            if not submission.future.done:
                await parking.arrival_of(submission.future)
        return self._closed(outcome)

    def _each(self) -> Iterable[Submission]:
        while self._unfinished:
            for submission in tuple(self._unfinished):
                yield submission
                self._unfinished.discard(submission)

    def _stop_after(self, outcome: Outcome) -> bool:
        """Stop what need not go on; tell whether to leave it alone if it does not end soon."""
        if not isinstance(outcome, Raised):
            return False
        self._over = True
        if outcome.cause == "error":
            return False
        self._runner.stop()
        for loop in (self._loop_thread, *self._loops.values()):
            if loop is not None:
                loop.cancel()
        return bool(self._flow.interrupted) and sessions.go_on_after(watch.signalled)

    def _leaving(self) -> Any:
        from legato._sdk import leaving

        return leaving

    def _closed(self, outcome: Outcome) -> Outcome:
        self._runner.close()
        if self._loop_thread is not None:
            self._loop_thread.close()
        if isinstance(outcome, Returned):
            return Returned(resolving.states_for_futures(outcome.value))
        return outcome


def children_of_run() -> Children:
    """Return the children of the active flow run; raise RuntimeError outside of flows."""
    flow = FlowRunContext.get()
    if flow is None:
        raise RuntimeError(_NO_FLOW)
    found = flow.children
    if found is None or found.place is not place():
        found = flow.children = Children(flow)
    return found
