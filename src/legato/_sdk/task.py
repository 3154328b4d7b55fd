"""Tasks: functions whose calls are recorded, retried and timed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, cast, overload

from legato._engine.task_run import TaskPlan, task_run
from legato._model.retries import RetryPolicy
from legato._model.states import COMPLETED
from legato._model.task_runs import TaskRunPolicy
from legato._sdk.context import RunContext, current
from legato._sdk.options import (
    Hook,
    TaskOptions,
    TaskSettings,
    asked_to_keep,
    check_cache_options,
    checked_count,
    checked_hooks,
    checked_run_name,
    checked_tags,
    checked_timeout,
    delays,
    frozen,
    name_storages,
)
from legato._sdk.submittable import Submittable
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from typing import Self

    from typing_extensions import Unpack

    from legato._engine.effects import HookKind
    from legato._sdk.cache_policies import CachePolicy
    from legato._sdk.decorated import Binds, H
    from legato._sdk.states import State

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
S = TypeVar("S")
T = TypeVar("T")
_LONG_SECONDS = 0.1  # from which on it matters whether an event loop stood still
_HOOKS: tuple[HookKind, ...] = ("on_completion", "on_failure", "on_running")
_ALL_HOOKS = (*_HOOKS, "on_commit", "on_rollback")


class Task(Submittable[P, R]):
    """A task: call it as the function that it is made from.

    >>> from legato import task
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double(4)
    8
    """

    noun = "task"
    tags: frozenset[str]
    on_commit_hooks: list[Hook]
    on_rollback_hooks: list[Hook]
    retry_delay_seconds: Any

    def __init__(self, fn: Callable[P, R], **options: Unpack[TaskOptions]) -> None:
        given: TaskSettings = frozen(TaskSettings, options, self.noun)
        self.options: TaskSettings = given
        self._adopt(fn, given.name, given.description)
        self.tags = checked_tags(given.tags, "tags")
        self.version: str | None = given.version
        if given.retries is not None:
            checked_count(given.retries, "retries")
        self.retry_delay_seconds, self._delays = delays(
            given.retry_delay_seconds, given.retries or 0
        )
        self.retry_jitter_factor: float | None = given.retry_jitter_factor
        if self.retry_jitter_factor is not None and self.retry_jitter_factor < 0:
            raise ValueError("retry_jitter_factor must not be negative.")
        self.retry_condition_fn: Callable[..., Any] | None = given.retry_condition_fn
        if self.retry_condition_fn is not None and not callable(self.retry_condition_fn):
            raise TypeError(
                f"retry_condition_fn must be callable, not {given.retry_condition_fn!r}."
            )
        self.timeout_seconds: float | None = checked_timeout(given.timeout_seconds)
        self.task_run_name: str | Callable[..., str] | None = checked_run_name(
            given.task_run_name, "task_run_name"
        )
        self.log_prints: bool | None = given.log_prints
        for kind in _ALL_HOOKS:
            setattr(self, kind + "_hooks", checked_hooks(getattr(given, kind), kind))
        check_cache_options(given)
        self._plan: TaskPlan | None = None
        self._policy: TaskRunPolicy | None = None
        self._keeps = asked_to_keep(given)
        name_storages(given)
        self._key: str | None = None
        self._step_name: str | None = None

    @property
    def retries(self) -> int:
        """How often a failed call is tried again."""
        given = self.options.retries
        return settings().tasks_default_retries if given is None else given

    @property
    def cache_policy(self) -> CachePolicy | None:
        """What the key of a cached result is made of; None: there is no caching."""
        from legato._sdk import cache_options

        return cache_options.policy(self.options)

    @property
    def names_cache_policy(self) -> bool:
        """Whether the options name the cache policy, so that it is not the default one."""
        from legato._sdk import cache_options

        return cache_options.named(self.options)

    @property
    def cache_key_fn(self) -> Callable[[Any, dict[str, Any]], str | None] | None:
        """The function that gives the cache key, if the options say so."""
        given: Callable[[Any, dict[str, Any]], str | None] | None = self.options.cache_key_fn
        return given

    @property
    def cache_expiration(self) -> timedelta | None:
        """How long a cached result holds; None: for ever."""
        from legato._sdk import cache_options

        return cache_options.checked_expiration(self.options.cache_expiration)

    @property
    def refresh_cache(self) -> bool | None:
        """Whether cached results are passed over and replaced, if the options say so."""
        given: bool | None = self.options.refresh_cache
        return given

    @property
    def refreshes_cache(self) -> bool:
        """Whether cached results are passed over and replaced, by option or setting."""
        given = self.options.refresh_cache
        return settings().tasks_refresh_cache if given is None else given

    @property
    def result_storage_key(self) -> str | None:
        """The template of the key under which results are stored, if the options give one."""
        return self.options.result_storage_key

    @property
    def viz_return_value(self) -> Any:
        """What calls return while a flow is drawn."""
        return self.options.viz_return_value

    @property
    def source_code(self) -> str | None:
        """The text of the function; None where there is no file."""
        import inspect

        try:
            return inspect.getsource(self.fn)
        except (OSError, TypeError):
            return None

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

    def keeps_in(self, outer: RunContext | None) -> bool | None:
        """Tell whether results are stored where the task is called; None: nobody says so."""
        if self._keeps is not None:
            return self._keeps
        given = settings()
        default = given.tasks_default_persist_result
        if default is not None:
            return default
        return (given.results_persist_by_default or None) if outer is None else outer.keeps

    def on_commit(self, fn: H) -> H:
        """Add a hook for the commit of what a run did; it is called with the transaction."""
        return self._add("on_commit", fn)

    def on_rollback(self, fn: H) -> H:
        """Add a hook that undoes what a run did; it is called with the transaction."""
        return self._add("on_rollback", fn)

    @property
    def policy(self) -> TaskRunPolicy | None:
        """How its runs are tried, as their records say; None: once."""
        if self._policy is None and self.plan.retry.retries:
            self._policy = _recorded(self.plan.retry)
        return self._policy

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
    ) -> Coroutine[Any, Any, State[T]]: ...

    @overload
    def __call__(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State[R]: ...

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
            state, draft = drive(
                run, task_run(self._plan or self.plan, run.limited, run.context.keeps)
            )
        finally:
            current.reset(token)
        if run.context.progress.total_run_time > _LONG_SECONDS:
            _notice(run)
        if return_state or state.type is not COMPLETED:
            return finish(run, state, draft, return_state)
        return draft.data

    def with_options(self, **options: Unpack[TaskOptions]) -> Task[P, R]:
        """Return a copy with other options; what is not named stays."""
        from legato._sdk.cache_options import without_rival
        from legato._sdk.code import merged

        given = without_rival(dict(options))
        return type(self)(self.fn, **merged(self, given, _ALL_HOOKS)).bound_like(self)

    @overload
    def __get__(self: Binds[T, Q, S], instance: object, owner: T) -> Task[Q, S]: ...

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self: Binds[T, Q, S], instance: T, owner: type | None = None) -> Task[Q, S]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Self: ...

    def __get__(self, instance: object, owner: Any = None) -> Any:
        """Bind as a function, a classmethod or a staticmethod of that kind binds."""
        return self._bind(instance, owner)

    def __repr__(self) -> str:
        return f"<task {self.name!r}>"


def _generated(run: Any, return_state: bool) -> Any:
    from legato._sdk import finishing

    return finishing.generated_task(run, return_state)


def _notice(run: Any) -> None:
    from legato._sdk import blocking

    blocking.notice(run.context)


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


def _recorded(retry: RetryPolicy) -> TaskRunPolicy:
    """Return a policy in plain numbers; what JSON has not is left out."""
    delays = [float(delay) for delay in retry.delays]
    known = delays if len(delays) > 1 else sum(delays)
    jitter = retry.jitter_factor
    return TaskRunPolicy(
        retries=int(retry.retries),
        retry_delay=known if all(map(isfinite, delays)) else None,
        retry_jitter_factor=float(jitter) if jitter is not None and isfinite(jitter) else None,
    )
