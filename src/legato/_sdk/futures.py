"""Futures: what a submitted task will have returned.

A future is one object for threads and for loops: `result()` and `wait()` block the thread, `await`
does not block the loop. When its task run ends, it keeps the end and lets go of all else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from legato._model.states import COMPLETED
from legato._model.states import State as StateRecord
from legato._sdk import parking, tracebacks, values
from legato._sdk.context import current

if TYPE_CHECKING:
    from uuid import UUID

    from legato._sdk.states import State
    from legato._sdk.submission import Submission

R = TypeVar("R", covariant=True)
S = TypeVar("S")
Callback = Callable[[Any], object]
_lock = Lock()


class Future(Generic[R]):
    """What `Task.submit` returns.

    >>> from legato import flow, task
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> @flow
    ... def calculate() -> int:
    ...     future = double.submit(2)
    ...     return future.result()
    >>> calculate()
    4
    """

    __slots__ = (
        "__weakref__", "_callbacks", "_data", "_ended", "_flow_run_id", "_source", "name",
        "task_run_id",
    )  # fmt: skip
    name: str
    task_run_id: UUID

    def __init__(self, task_run_id: UUID, flow_run_id: UUID | None, name: str) -> None:
        self.task_run_id, self._flow_run_id, self.name = task_run_id, flow_run_id, name
        self._ended: StateRecord | None = None
        self._data: Any = None
        self._callbacks: list[Callback] | None = None
        self._source: Submission | None = None

    @property
    def done(self) -> bool:
        """Whether the task run has come to its end, or cannot start."""
        return self._ended is not None

    @property
    def completed(self) -> bool:
        """Whether the task run has ended Completed."""
        return self._ended is not None and self._ended.type is COMPLETED

    @property
    def state(self) -> State[R]:
        """The state of the task run now."""
        state, source = self._ended, self._source
        if state is None:
            known = source.run.context.state if source is not None else None
            state = known or StateRecord.__new__(StateRecord)
        return values.of_task_run(state, self._data, self.task_run_id, self._flow_run_id)

    @overload
    def result(self, timeout: float | None = None, raise_on_failure: Literal[True] = True) -> R: ...

    @overload
    def result(self, timeout: float | None, raise_on_failure: bool) -> R | BaseException: ...

    @overload
    def result(
        self, timeout: float | None = None, *, raise_on_failure: bool
    ) -> R | BaseException: ...

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """Return what the task returned, or raise what it raised; wait at most `timeout` seconds.

        Raises TimeoutError if it has not ended by then; UnfinishedRun if it cannot start. With
        `raise_on_failure=False` the exception of a failed task is returned.
        """
        __tracebackhide__ = True
        self.wait(timeout)
        state = self._ended
        if state is None:
            raise TimeoutError(f"Task run {self.name!r} has not ended within {timeout} second(s).")
        if state.type is COMPLETED:
            return self._data
        if isinstance(self._data, BaseException) and current.get() is None:
            tracebacks.cut(self._data)
        return self.state.result(raise_on_failure)

    def wait(self, timeout: float | None = None) -> None:
        """Return when the task run has ended, or after `timeout` seconds."""
        if self._ended is None:
            parking.wait_for(self, timeout)
        elif timeout is not None:
            parking.checked(timeout)

    def add_done_callback(self, fn: Callable[[Future[R]], object]) -> None:
        """Call `fn(future)` when the task run has ended; now, if it has.

        It is called in the thread in which the run ends; what it raises is logged.
        """
        with _lock:
            if self._ended is None:
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(fn)
                return
        _call(fn, self)

    def remove_done_callback(self, fn: Callable[[Future[R]], object]) -> None:
        """Forget a callback."""
        with _lock:
            if self._callbacks and fn in self._callbacks:
                self._callbacks.remove(fn)

    def __await__(self) -> Generator[Any, Any, R]:
        if self._ended is None:
            yield from parking.arrival_of(self).__await__()
        return self.result()

    def end(self, state: StateRecord, data: Any) -> None:
        """Take the end of the task run; a second one is ignored."""
        with _lock:
            if self._ended is not None:
                return
            self._data, self._ended = data, state
            self._source = None
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            _call(callback, self)

    @property
    def source(self) -> Submission | None:
        """Where the run comes from, until it has ended."""
        return self._source

    def come_from(self, source: Submission) -> None:
        """Note what will end this future."""
        self._source = source

    def __repr__(self) -> str:
        from legato._sdk import reprs

        return reprs.future(self)

    def _repr_html_(self) -> str:
        from legato._sdk import html

        return html.future(self)

    def __reduce__(self) -> tuple[Any, ...]:
        ended = self._ended
        if ended is None:
            from legato._sdk.exceptions import SerializationError

            raise SerializationError(
                f"The future of task run {self.name!r} is pickled before the run has ended. "
                "Wait for it first, or pass its result."
            )
        return _restored, (self.task_run_id, self._flow_run_id, self.name, ended, self._data)


def _restored(
    task_run_id: UUID, flow_run_id: UUID | None, name: str, ended: StateRecord, data: Any
) -> Future[Any]:
    made: Future[Any] = Future(task_run_id, flow_run_id, name)
    made.end(ended, data)
    return made


def _call(callback: Callback, future: Future[Any]) -> None:
    try:
        callback(future)
    except Exception:
        import logging

        logging.getLogger("legato.futures").exception(
            "A done callback of task run %r raised", future.name
        )


class FutureList(list[Future[S]], Generic[S]):
    """The futures of a `map`, in the order of its items."""

    def wait(self, timeout: float | None = None) -> None:
        """Return when all have ended, or after `timeout` seconds."""
        limit = parking.Limit(timeout)
        for future in self:
            future.wait(limit.left())

    @overload
    def result(
        self, timeout: float | None = None, raise_on_failure: Literal[True] = True
    ) -> list[S]: ...

    @overload
    def result(self, timeout: float | None, raise_on_failure: bool) -> list[S | BaseException]: ...

    @overload
    def result(
        self, timeout: float | None = None, *, raise_on_failure: bool
    ) -> list[S | BaseException]: ...

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """Return the results in order; wait at most `timeout` seconds for all of them.

        Raises what the first failed task raised, or TimeoutError.
        """
        __tracebackhide__ = True
        limit = parking.Limit(timeout)
        return [future.result(limit.left(), raise_on_failure) for future in self]

    def __await__(self) -> Generator[Any, Any, list[S]]:
        for future in self:
            if not future.done:
                yield from parking.arrival_of(future).__await__()
        return self.result()

    def __repr__(self) -> str:
        from legato._sdk import reprs

        return reprs.futures(self)

    def _repr_html_(self) -> str:
        from legato._sdk import html

        return html.futures(self)
