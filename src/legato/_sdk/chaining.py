"""`task.after(futures)`: a task that starts once these runs have completed."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from legato._sdk.decorated import Items
    from legato._sdk.futures import Future, FutureList
    from legato._sdk.states import State
    from legato._sdk.submittable import Submittable

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

    def __init__(self, task: Submittable[P, R], wait_for: Iterable[Any]) -> None:
        self._task: Any = task
        self._wait_for = list(wait_for)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task on this thread, once the other runs have completed."""
        __tracebackhide__ = True
        found: R = self._task(*args, wait_for=self._wait_for, **kwargs)
        return found

    @overload
    def state(
        self: After[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, State[T]]: ...

    @overload
    def state(self, *args: P.args, **kwargs: P.kwargs) -> State[R]: ...

    def state(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as a call does; return the final state."""
        __tracebackhide__ = True
        return self._task(*args, wait_for=self._wait_for, return_state=True, **kwargs)

    @overload
    def submit(
        self: After[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]: ...

    @overload
    def submit(self: After[P, Items[T]], *args: P.args, **kwargs: P.kwargs) -> Future[list[T]]: ...

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task; it starts once the other runs have completed."""
        return self._task.submit(*args, wait_for=self._wait_for, **kwargs)

    @overload
    def map(
        self: After[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any
    ) -> FutureList[T]: ...

    @overload
    def map(self: After[..., Items[T]], *args: Any, **kwargs: Any) -> FutureList[list[T]]: ...

    @overload
    def map(self, *args: Any, **kwargs: Any) -> FutureList[R]: ...

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Map the task; no call starts before the other runs have completed."""
        return self._task.map(*args, wait_for=self._wait_for, **kwargs)
