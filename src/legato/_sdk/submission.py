"""A task run between its call and its end: what `Task.submit` makes.

The step key, the name and the Pending state are taken at the moment of the call. While a run that
its arguments stand for is unfinished, it takes no thread: the last one of them starts it.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from itertools import count
from threading import get_ident
from typing import TYPE_CHECKING, Any

from legato._engine.effects import CREATE, RELEASE, Draft, Enter, Raised
from legato._engine.endings import of_exception
from legato._engine.task_run import task_run
from legato._sdk import generating
from legato._sdk import platform_posix as platform
from legato._sdk.context import current, transacting
from legato._sdk.drive import adrive, drive
from legato._sdk.futures import Future
from legato._sdk.stamping import stamped
from legato._sdk.task_execution import TaskExecution
from legato._sdk.watch import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from legato._backend.port import Backend
    from legato._sdk.children import Children
    from legato._sdk.seats import Seat
    from legato._sdk.task import Task


class Submission:
    """One submitted task run. `loop` is the event loop that it needs, if it needs one."""

    __slots__ = (
        "_children", "_handles", "_steps", "_thread_id", "context", "future", "loop", "run", "seat",
        "upstream",
    )  # fmt: skip
    seat: Seat | None

    def __init__(
        self,
        children: Children,
        task: Task[Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wait_for: Iterable[Any] | None,
    ) -> None:
        self.run: TaskExecution = TaskExecution(task, args, kwargs, wait_for)
        run = self.run
        if task.isgenerator and task.isasync:
            run.fn = generating.collected(run.fn)
        self._steps = task_run(task.plan, run.limited, run.context.keeps)
        next(self._steps)
        if run.found is not None and run.found.draft.transacted:
            self._stage(run.found.draft)
        self._children = children
        self.context: Context = copy_context()
        self.future: Future[Any] = Future(run.context.id, run.flow_run_id, run.context.name)
        self.future.come_from(self)
        around = transacting.get()
        if around is not None:
            around.expect(self.future)
        self._handles = run.create(CREATE) is True
        self.upstream: Sequence[Future[Any]] = run.upstream() if self._handles else ()
        self.loop: Any = None
        self.seat = None
        self._thread_id = 0

    def when_ready(self, start: Callable[[Submission], object]) -> None:
        """Call `start(self)` once all runs that the arguments stand for have ended."""
        expected = len(self.upstream)
        if not expected:
            start(self)
            return
        arrivals = count(1)

        def note(_: object) -> None:
            if next(arrivals) == expected:
                self.upstream = ()
                start(self)

        for future in self.upstream:
            future.add_done_callback(note)

    def run_here(self) -> None:
        """Take the run to its end on this thread; raises nothing."""
        self.context.run(self._run)

    def _run(self) -> None:
        try:
            if self.begins():
                self._thread_id = get_ident()
                self.end(*drive(self.run, self._steps, False))
        except BaseException as exc:  # noqa: BLE001 - a thread must go on, a future must end
            self.fail(exc)

    async def arun(self) -> None:
        """Take the run to its end on the running loop; runs in the context of the submission."""
        try:
            if self.begins():
                self.end(*await adrive(self.run, self._steps, False))
        except BaseException as exc:  # noqa: BLE001 - a loop must go on, a future must end
            self.fail(exc)

    def begins(self) -> bool:
        """Make ready, in the context of the run; tell whether it may start, or end it."""
        current.set(self.run.context)
        if self.seat is not None:
            self.seat.hold()
        instead = self._children.instead_of_a_start()
        if instead is None and self._handles:
            instead = self.run.resolve()
            self.future.name = self.run.context.name
        if instead is None:
            return True
        self.drop(instead)
        return False

    def instead_of_a_start(self) -> Draft | None:
        """Return the end of the run, if it may not start any more."""
        return self._children.instead_of_a_start()

    def interruption(self) -> Draft | None:
        """Return the end of the run, if the process was told to end."""
        return self._children.interruption()

    def drop(self, draft: Draft) -> None:
        """End a run that does not start, or was stopped from outside, if it has not ended."""
        if not self.future.done:
            self._steps.close()
            state = self.run.enter(Enter(draft))
            if self.context.get(transacting) is not None:
                self.context.copy().run(self._roll_back)
            self.end(state, draft)

    def _stage(self, draft: Draft) -> None:
        """Leave what an earlier attempt did to the transaction; or undo it, and run again."""
        from legato._sdk import transaction_runs, transaction_steps

        transaction_steps.finish(transaction_runs.stage(self.run, draft))

    def _roll_back(self) -> None:
        from legato._sdk import transaction_runs, transaction_steps

        transaction_steps.finish(transaction_runs.roll_back(self.run, retried=False))

    def end_elsewhere(self, state: Any, draft: Draft, staged: bytes | None) -> None:
        """End a run that another process has done; runs in the context of the submission."""
        if self.run.context.transaction is not None:
            from legato._sdk import transaction_errands, transaction_steps

            transaction_steps.finish(transaction_errands.arrived(self.run, draft, staged))
        self.end(state, draft)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt, once, in the thread that is at work on the run."""
        if self._thread_id and platform.raise_in_thread(self._thread_id, KeyboardInterrupt):
            self._thread_id = 0

    def leave_alone(self, deaf: Backend) -> None:
        """End a run that does not stop; from now on it has that backend, which records nothing."""
        self.run.backend = deaf
        self.fail(watch.signal_again())

    def fail(self, exc: BaseException) -> None:
        """End the run as Crashed without a record: the store is out of order, or not to hear."""
        draft = self.interruption() or of_exception("Task run", Raised(exc, "abort"), None)
        backend = self.run.backend
        state = stamped(draft, self.run.context.state, backend.clock, backend.ids)
        self.run.release(RELEASE)
        self.end(state, draft)

    def end(self, state: Any, draft: Draft) -> None:
        """Give the end of the run to the future."""
        if self.seat is not None:
            self.seat.give_back()
        self.future.end(state, draft.data)
        self._children.ended(self)
