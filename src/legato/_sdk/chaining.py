"""`task.after(futures)`: a task that starts once these runs have completed."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from legato._sdk.futures import Future, FutureList
    from legato._sdk.states import State
    from legato._sdk.task import Task

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class After(Generic[P, R]):
    """A task with what it waits for.

    >>> from legato import flow, task
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> @flow
    ... def calculate() -> int:
    ...     first = double.submit(1)
    ...     return double.after(first).submit(2).result()
    >>> calculate()
    4
    """

    __slots__ = ("_task", "_wait_for")

    def __init__(self, task: Task[P, R], wait_for: Iterable[Any]) -> None:
        self._task: Any = task
        self._wait_for = list(wait_for)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task on this thread, once the other runs have completed."""
        __tracebackhide__ = True
        found: R = self._task(*args, wait_for=self._wait_for, **kwargs)
        return found

    def state(self, *args: P.args, **kwargs: P.kwargs) -> State:
        """Run the task as a call does; return the final state."""
        __tracebackhide__ = True
        found: State = self._task(*args, wait_for=self._wait_for, return_state=True, **kwargs)
        return found

    @overload
    def submit(
        self: After[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]: ...

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task; it starts once the other runs have completed."""
        return self._task.submit(*args, wait_for=self._wait_for, **kwargs)

    def map(self, *args: Any, **kwargs: Any) -> FutureList[R]:
        """Map the task; no call starts before the other runs have completed."""
        found: FutureList[R] = self._task.map(*args, wait_for=self._wait_for, **kwargs)
        return found
