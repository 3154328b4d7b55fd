"""Where the submitted tasks of a flow run do their work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from legato._settings.current import current as settings

if TYPE_CHECKING:
    from typing import Self

    from legato._sdk.futures import Future, FutureList
    from legato._sdk.processes import Workers
    from legato._sdk.seats import Seats
    from legato._sdk.submission import Submission
    from legato._sdk.task import Task
    from legato._sdk.threads import Threads


class TaskRunner:
    """Runs submitted tasks; each flow run works with a copy of its own.

    `max_workers` is how many of them are at work at once, None for as many as are ready. A task
    that waits for a future does not count meanwhile.
    """

    has_loops = True
    """Whether async tasks run on an event loop of this process."""

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers: int | None = None if max_workers is None else _checked_count(max_workers)
        self._seats: Seats | None = None

    @property
    def name(self) -> str:
        """The name of its kind."""
        return type(self).__name__.lower().replace("taskrunner", "")

    def duplicate(self) -> Self:
        """Return another one with the same options."""
        return type(self)(max_workers=self.max_workers)

    def open(self, name: str) -> None:
        """Make ready for the flow run of that name; nothing is started yet."""
        if self.max_workers is not None:
            from legato._sdk.seats import Seats

            self._seats = Seats(self.max_workers)

    def close(self) -> None:
        """Let go of threads and processes; nothing runs any more."""

    def stop(self) -> None:
        """End what is at work as far as that is possible: the flow run was told to end."""

    def start(self, submission: Submission) -> None:
        """Run a task that is ready."""
        raise NotImplementedError

    def keep_up(self) -> None:
        """Let who submits pause, if it is far ahead of what has run."""

    def admit(self, submission: Submission, start: Callable[[Submission], object]) -> None:
        """Call `start(submission)` when there is a place for it."""
        if self._seats is None:
            start(submission)
            return
        from legato._sdk.seats import Seat

        seats = self._seats

        def begin() -> None:
            submission.seat = Seat(seats)
            start(submission)

        seats.ask(begin)

    def submit(
        self,
        task: Task[Any, Any],
        parameters: Mapping[str, Any],
        wait_for: Iterable[Any] | None = None,
    ) -> Future[Any]:
        """Submit a task with parameters by name, as `task.submit` does."""
        args, kwargs = task.signature.call_arguments(parameters)
        submit: Any = task.submit
        future: Future[Any] = submit(*args, wait_for=wait_for, **kwargs)
        return future

    def map(
        self,
        task: Task[Any, Any],
        parameters: Mapping[str, Any],
        wait_for: Iterable[Any] | None = None,
    ) -> FutureList[Any]:
        """Map a task over parameters by name, as `task.map` does."""
        args, kwargs = task.signature.call_arguments(parameters)
        mapped: Any = task.map
        futures: FutureList[Any] = mapped(*args, wait_for=wait_for, **kwargs)
        return futures

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.max_workers == self.max_workers

    def __hash__(self) -> int:
        return hash((type(self), self.max_workers))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_workers={self.max_workers})"


class ThreadPoolTaskRunner(TaskRunner):
    """Runs submitted tasks in threads of this process, async ones on an event loop.

    >>> from legato import flow, task
    >>> from legato.task_runners import ThreadPoolTaskRunner
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    ... def calculate() -> list[int]:
    ...     return double.map([1, 2, 3]).result()
    >>> calculate()
    [2, 4, 6]
    """

    def __init__(self, max_workers: int | None = None) -> None:
        if max_workers is None:
            max_workers = settings().tasks_runner_thread_pool_max_workers
        super().__init__(max_workers)
        self._threads: Threads | None = None
        self._run_name = ""

    def open(self, name: str) -> None:
        """Make ready for the flow run of that name; threads start with the first task."""
        super().open(name)
        self._run_name = name

    def start(self, submission: Submission) -> None:
        """Run a task that is ready."""
        if self._seats is None:
            self._add(submission)
        else:
            self.admit(submission, self._add)

    def _add(self, submission: Submission) -> None:
        if self._threads is None:
            from legato._sdk.threads import Threads

            self._threads = Threads(self._run_name, submission.run.backend.journal.lull)
        self._threads.add(submission.run_here)

    def keep_up(self) -> None:
        """Let who submits pause, if it is far ahead of the threads."""
        if self._threads is not None:
            self._threads.keep_up()

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.close()


class ProcessPoolTaskRunner(TaskRunner):
    """Runs submitted tasks in processes of their own, each a fresh interpreter.

    `max_workers` is None for one process for each processor. `initializer(*initargs)` is called
    when a process starts. Tasks, arguments and results are pickled; what the main module defines
    goes by value. Sync and async tasks alike run in the processes.
    """

    has_loops = False

    def __init__(
        self,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if max_workers is None:
            max_workers = settings().tasks_runner_process_pool_max_workers or os.cpu_count() or 1
        super().__init__(max_workers)
        self._initializer, self._initargs = initializer, initargs
        self._threads: Threads | None = None
        self._workers: Workers | None = None
        self._run_name = ""

    def duplicate(self) -> Self:
        """Return another one with the same options."""
        return type(self)(self.max_workers, self._initializer, self._initargs)

    def open(self, name: str) -> None:
        """Make ready for the flow run of that name; processes start with the first task."""
        super().open(name)
        self._run_name = name

    def start(self, submission: Submission) -> None:
        """Run a task that is ready."""
        self.admit(submission, self._add)

    def _add(self, submission: Submission) -> None:
        if self._threads is None or self._workers is None:
            from legato._sdk.pickling import dumps
            from legato._sdk.processes import Workers
            from legato._sdk.threads import Threads

            self._workers = Workers(dumps((self._initializer, self._initargs)))
            self._threads = Threads(self._run_name)
        workers = self._workers
        self._threads.add(lambda: submission.context.run(workers.do, submission))

    def stop(self) -> None:
        """Kill the processes that are at work."""
        if self._workers is not None:
            self._workers.stop()

    def close(self) -> None:
        """End the processes."""
        if self._threads is not None and self._workers is not None:
            self._threads.close()
            self._workers.close()


def checked_runner(given: Any) -> TaskRunner:
    """Return the task runner that an option names: one, or the class of one."""
    found = given() if isinstance(given, type) else given
    if isinstance(found, TaskRunner):
        return found
    raise TypeError(
        f"task_runner must be a task runner such as ThreadPoolTaskRunner(), not {given!r}."
    )


def _checked_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_workers must be a whole number, not {value!r}.")
    if value < 1:
        raise ValueError(f"max_workers must be at least 1, but is {value}.")
    return value
