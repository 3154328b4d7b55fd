"""Tasks: functions whose calls are recorded, retried and timed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, cast, overload

from legato._engine.task_run import TaskPlan, task_run
from legato._model.retries import RetryPolicy
from legato._model.states import StateType
from legato._sdk.context import current
from legato._sdk.decorated import Decorated
from legato._sdk.options import (
    Hook,
    TaskOptions,
    TaskSettings,
    asked_to_keep,
    checked_count,
    checked_hooks,
    checked_run_name,
    checked_timeout,
    delays,
    frozen,
)
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from legato._engine.effects import HookKind
    from legato._sdk.chaining import After
    from legato._sdk.children import Children
    from legato._sdk.futures import Future, FutureList
    from legato._sdk.states import State

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")
_LONG_SECONDS = 0.1  # from which on it matters whether an event loop stood still
_HOOKS: tuple[HookKind, ...] = ("on_completion", "on_failure", "on_running")


class Task(Decorated, Generic[P, R]):
    """A task: call it as the function that it is made from.

    >>> from legato import task
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double(4)
    8
    """

    noun = "task"
    fn: Callable[P, R]
    tags: frozenset[str]

    def __init__(self, fn: Callable[P, R], **options: Unpack[TaskOptions]) -> None:
        given: TaskSettings = frozen(TaskSettings, options, self.noun)
        self.options = given
        self._adopt(fn, given.name, given.description)
        self.tags = frozenset(given.tags or ())
        self.version = given.version
        if given.retries is not None:
            checked_count(given.retries, "retries")
        self.retry_delay_seconds, self._delays = delays(
            given.retry_delay_seconds, given.retries or 0
        )
        self.retry_jitter_factor = given.retry_jitter_factor
        if self.retry_jitter_factor is not None and self.retry_jitter_factor < 0:
            raise ValueError("retry_jitter_factor must not be negative.")
        self.retry_condition_fn = given.retry_condition_fn
        if self.retry_condition_fn is not None and not callable(self.retry_condition_fn):
            raise TypeError(
                f"retry_condition_fn must be callable, not {given.retry_condition_fn!r}."
            )
        self.timeout_seconds = checked_timeout(given.timeout_seconds)
        self.task_run_name = checked_run_name(given.task_run_name, "task_run_name")
        self.log_prints = given.log_prints
        for kind in _HOOKS:
            setattr(self, kind + "_hooks", checked_hooks(getattr(given, kind), kind))
        self._plan: TaskPlan | None = None
        self._keeps = asked_to_keep(given)
        self._key: str | None = None
        self._step_name: str | None = None

    @property
    def retries(self) -> int:
        """How often a failed call is tried again."""
        given = self.options.retries
        return settings().tasks_default_retries if given is None else given

    @property
    def task_key(self) -> str:
        """The name of the function and a hash of its code."""
        if self._key is None:
            from legato._sdk.code import code_hash

            name = getattr(self.fn, "__qualname__", type(self.fn).__qualname__)
            self._key = f"{name.rpartition('.')[2]}-{code_hash(self.fn)[:8]}"
        return self._key

    @property
    def step_name(self) -> str:
        """What names this task in step keys: the option `step_key`, or module and function."""
        if self._step_name is None:
            from legato._sdk.code import step_name

            self._step_name = step_name(self.fn, self.name, self.options.step_key)
        return self._step_name

    @property
    def keeps_result(self) -> bool:
        """Whether results are stored."""
        if self._keeps is not None:
            return self._keeps
        given = settings()
        default = given.tasks_default_persist_result
        return given.results_persist_by_default if default is None else default

    @property
    def plan(self) -> TaskPlan:
        """What the engine must know of this task."""
        if self._plan is None:
            found: dict[HookKind, list[Hook]] = {k: getattr(self, k + "_hooks") for k in _HOOKS}
            self._plan = TaskPlan(
                retry=RetryPolicy(self.retries, self._delays, self.retry_jitter_factor),
                timeout=self.timeout_seconds,
                asks_condition=self.retry_condition_fn is not None,
                hooks=frozenset(kind for kind, hooks in found.items() if hooks),
            )
        return self._plan

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(
        self: Task[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, State]: ...

    @overload
    def __call__(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State: ...

    @overload
    def __call__(self, *args: Any, wait_for: Iterable[Any] | None, **kwargs: Any) -> R: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task now; return what the function returns, or the final state."""
        __tracebackhide__ = True
        return_state, wait_for = False, None
        if kwargs:
            return_state = kwargs.pop("return_state", False)
            wait_for = kwargs.pop("wait_for", None)
        execute, drive, promise, finish = _loaded()
        if self.ismethod:
            args = (self._receiver, *args)
        run = execute(self, args, kwargs, wait_for)
        if self.isgenerator:
            return _generated(run, return_state)
        if self.isasync:
            return promise(run, return_state)
        token = current.set(run.context)
        try:
            state, draft = drive(run, task_run(self._plan or self.plan, run.limited))
        finally:
            current.reset(token)
        if run.context.progress.total_run_time > _LONG_SECONDS:
            _notice(run)
        if return_state or state.type is not StateType.COMPLETED:
            return finish(run, state, draft, return_state)
        return draft.data

    @overload
    def submit(
        self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]: ...

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...

    @overload
    def submit(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State: ...

    @overload
    def submit(
        self: Task[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Future[T]: ...

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
        they are there. Raises RuntimeError outside of flows.
        """
        return_state, wait_for = kwargs.pop("return_state", False), kwargs.pop("wait_for", None)
        if self.ismethod:
            args = (self._receiver, *args)
        future = _children().submit(self, args, kwargs, wait_for)
        if return_state:
            future.wait()
            return future.state
        return future

    @overload
    def map(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> list[State]: ...

    @overload
    def map(
        self: Task[..., Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> FutureList[T]: ...

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
        found = mapping.mapped(_children(), self, args, kwargs, wait_for)
        if return_state:
            found.wait()
            return [future.state for future in found]
        return found

    @overload
    def state(
        self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, State]: ...

    @overload
    def state(self, *args: P.args, **kwargs: P.kwargs) -> State: ...

    def state(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as a call does; return the final state in the place of the value."""
        __tracebackhide__ = True
        return self(*args, return_state=True, **kwargs)

    def after(self, *runs: Any) -> After[P, R]:
        """Return the task with what it waits for: futures, states or lists of them."""
        from legato._sdk.chaining import After

        return After(self, runs)

    def with_options(self, **options: Unpack[TaskOptions]) -> Task[P, R]:
        """Return a copy with other options; what is not named stays."""
        from legato._sdk.code import merged

        return type(self)(self.fn, **merged(self, options, _HOOKS)).bound_like(self)

    def on_completion(self, fn: Hook) -> Hook:
        """Add a hook `(task, task_run, state)` for Completed."""
        return self._add("on_completion", fn)

    def on_failure(self, fn: Hook) -> Hook:
        """Add a hook `(task, task_run, state)` for Failed."""
        return self._add("on_failure", fn)

    def on_running(self, fn: Hook) -> Hook:
        """Add a hook `(task, task_run, state)` for Running."""
        return self._add("on_running", fn)

    def _add(self, kind: HookKind, hook: Hook) -> Hook:
        getattr(self, kind + "_hooks").extend(checked_hooks([hook], kind))
        self._plan = None
        return hook

    def __repr__(self) -> str:
        return f"<task {self.name!r}>"


def _generated(run: Any, return_state: bool) -> Any:
    from legato._sdk import finishing

    return finishing.generated_task(run, return_state)


def _notice(run: Any) -> None:
    from legato._sdk import blocking

    blocking.notice(run.context)


def _children() -> Children:
    from legato._sdk.children import children_of_run

    return children_of_run()


@cache
def _loaded() -> Any:
    """Load what only a call needs."""
    from legato._sdk import drive, finishing, task_execution

    return task_execution.TaskExecution, drive.drive, finishing.promise_task, finishing.finish


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(
    fn: None = None, /, **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(fn: Any = None, /, **options: Unpack[TaskOptions]) -> Any:
    """Make a task of a function; its calls are recorded, and retried and timed as asked.

    `retry_delay_seconds` and `timeout_seconds` are in seconds. Raises TypeError or ValueError for
    a bad option, ReservedArgumentError for a parameter named `return_state` or `wait_for`.

    >>> from legato import task
    >>> @task(retries=2, retry_delay_seconds=0.5)
    ... def fetch(n: int) -> int:
    ...     return n
    >>> fetch(1)
    1
    """
    if fn is None:

        def decorate(function: Any) -> Any:
            return task(function, **options)

        return decorate
    return cast("Task[Any, Any]", Task(fn, **options))
