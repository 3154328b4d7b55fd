"""What a task can do beside being called: `submit`, `map`, `state` and `after`.

The overloads say what the future of a call holds: for `async def` what is awaited, for functions
that yield a list of the items. Futures may be passed where values are expected, so a call that
does not fit the function's own parameters is checked no further.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

from legato._sdk.decorated import Decorated, Items

if TYPE_CHECKING:
    from legato._sdk.chaining import After
    from legato._sdk.children import Children
    from legato._sdk.futures import Future, FutureList
    from legato._sdk.states import State

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class Submittable(Decorated[P, R]):
    """A function whose calls can run beside the caller."""

    @overload
    def submit(
        self: Submittable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]: ...

    @overload
    def submit(
        self: Submittable[P, Items[T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[list[T]]: ...

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...

    @overload
    def submit(
        self: Submittable[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State[T]: ...

    @overload
    def submit(
        self: Submittable[..., Items[T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State[list[T]]: ...

    @overload
    def submit(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State[R]: ...

    @overload
    def submit(
        self: Submittable[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Future[T]: ...

    @overload
    def submit(
        self: Submittable[..., Items[T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Future[list[T]]: ...

    @overload
    def submit(
        self,
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Future[R]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Have the task run beside the caller; return its future at once, or its final state.

        Futures and states among the arguments are waited for, and their values passed, as soon as
        they are there. What a generator yields arrives as a list. Raises RuntimeError outside of
        flows.
        """
        return_state, wait_for = False, None
        if kwargs:
            return_state = kwargs.pop("return_state", False)
            wait_for = kwargs.pop("wait_for", None)
        task: Any = self
        if self.ismethod:
            args = (self._receiver, *args)
        future = _loaded()().submit(task, args, kwargs, wait_for)
        if return_state:
            future.wait()
            return future.state
        return future

    @overload
    def map(
        self: Submittable[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> list[State[T]]: ...

    @overload
    def map(
        self: Submittable[..., Items[T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> list[State[list[T]]]: ...

    @overload
    def map(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> list[State[R]]: ...

    @overload
    def map(
        self: Submittable[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> FutureList[T]: ...

    @overload
    def map(
        self: Submittable[..., Items[T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> FutureList[list[T]]: ...

    @overload
    def map(
        self,
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> FutureList[R]: ...

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task once for each item of the iterables among the arguments.

        All iterables have the same length; `unmapped` passes one as it is to every call. Raises
        MappingLengthMismatch, MappingMissingIterable, and RuntimeError outside of flows.
        """
        from legato._sdk import mapping

        return_state, wait_for = kwargs.pop("return_state", False), kwargs.pop("wait_for", None)
        task: Any = self
        found = mapping.mapped(_loaded()(), task, args, kwargs, wait_for)
        if return_state:
            found.wait()
            return [future.state for future in found]
        return found

    @overload
    def state(
        self: Submittable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, State[T]]: ...

    @overload
    def state(self, *args: P.args, **kwargs: P.kwargs) -> State[R]: ...

    def state(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as a call does; return the final state in the place of the value."""
        __tracebackhide__ = True
        call: Any = self
        return call(*args, return_state=True, **kwargs)

    def after(self, *runs: Any) -> After[P, R]:
        """Return the task with what it waits for: futures, states or lists of them."""
        from legato._sdk.chaining import After

        return After(self, runs)


@cache
def _loaded() -> Callable[[], Children]:
    """Load what only a submission needs."""
    from legato._sdk.children import children_of_run

    return children_of_run
