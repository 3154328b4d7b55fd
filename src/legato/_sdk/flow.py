"""Flows: functions whose runs are recorded, with the tasks and flows called inside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, cast, overload

from legato._engine.flow_run import FlowPlan, flow_run
from legato._model.retries import RetryPolicy
from legato._sdk.context import RunContext, current
from legato._sdk.decorated import Decorated
from legato._sdk.options import (
    BANNED_IN_FLOW_NAMES,
    FlowOptions,
    FlowSettings,
    Hook,
    asked_to_keep,
    checked_choice,
    checked_count,
    checked_hooks,
    checked_run_name,
    checked_timeout,
    delays,
    frozen,
    name_storages,
)
from legato._settings.current import current as settings

if TYPE_CHECKING:
    from typing import Self

    from typing_extensions import Unpack

    from legato._engine.effects import HookKind
    from legato._sdk.decorated import Binds
    from legato._sdk.states import State
    from legato._sdk.task_runners import TaskRunner

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
H = TypeVar("H", bound=Hook)
S = TypeVar("S")
T = TypeVar("T")
_HOOKS: tuple[HookKind, ...] = (
    "on_completion",
    "on_failure",
    "on_cancellation",
    "on_crashed",
    "on_running",
)


class Flow(Decorated[P, R]):
    """A flow: call it as the function that it is made from.

    >>> from legato import flow
    >>> @flow
    ... def add(a: int, b: int = 10) -> int:
    ...     return a + b
    >>> add(1)
    11
    """

    noun = "flow"
    banned = BANNED_IN_FLOW_NAMES

    def __init__(self, fn: Callable[P, R], **options: Unpack[FlowOptions]) -> None:
        given: FlowSettings = frozen(FlowSettings, options, self.noun)
        self.options: FlowSettings = given
        self._adopt(fn, given.name, given.description)
        if given.retries is not None:
            checked_count(given.retries, "retries")
        self._retry_delay, self._delays = delays(given.retry_delay_seconds, given.retries or 0)
        self.timeout_seconds: float | None = checked_timeout(given.timeout_seconds)
        self.flow_run_name: str | Callable[[], str] | None = checked_run_name(
            given.flow_run_name, "flow_run_name"
        )
        self.log_prints: bool | None = given.log_prints
        checked_choice(given.durable, "durable", (True, False, "local"))
        checked_choice(given.on_replay_change, "on_replay_change", ("rerun", "reuse", "fail"))
        self.should_validate_parameters: bool = given.validate_parameters is not False
        for kind in _HOOKS:
            setattr(self, kind + "_hooks", checked_hooks(getattr(given, kind), kind))
        self._plan: FlowPlan | None = None
        self._keeps = asked_to_keep(given)
        name_storages(given)
        self._version: str | None = given.version
        self._step_name: str | None = None
        self._entrypoint: str | None = None
        self.validator: Any = None

    def _default_name(self, fn: Callable[..., Any]) -> str:
        name = super()._default_name(fn)
        return "unknown-lambda" if name == "<lambda>" else name.replace("_", "-")

    @property
    def retries(self) -> int:
        """How often a failed run is tried again."""
        given = self.options.retries
        return settings().flows_default_retries if given is None else given

    @property
    def retry_delay_seconds(self) -> float:
        """Seconds between two tries."""
        if self.options.retry_delay_seconds is None:
            return settings().flows_default_retry_delay_seconds
        delay: float = self._retry_delay
        return delay

    @property
    def version(self) -> str:
        """The version that was given, or a hash of the file that the flow stands in."""
        if self._version is None:
            from legato._sdk.code import file_hash

            self._version = file_hash(self.fn)
        return self._version

    @property
    def task_runner(self) -> TaskRunner:
        """What runs the tasks that are submitted: threads, if nothing else was given."""
        from legato._sdk.task_runners import ThreadPoolTaskRunner, checked_runner

        given = self.options.task_runner
        return ThreadPoolTaskRunner() if given is None else checked_runner(given)

    @property
    def step_name(self) -> str:
        """What names this flow in step keys when it runs inside another."""
        if self._step_name is None:
            from legato._sdk.code import step_name

            self._step_name = step_name(self.fn, self.name, None)
        return self._step_name

    @property
    def entrypoint(self) -> str | None:
        """Where the flow is, as `FILE:FUNCTION`; None where there is no file."""
        if self._entrypoint is None:
            from legato._sdk.reopening import entrypoint_of

            self._entrypoint = entrypoint_of(self) or ""
        return self._entrypoint or None

    def keeps_in(self, outer: RunContext | None) -> bool | None:
        """Tell whether results are stored where the flow is called; None: nobody says so."""
        if self._keeps is not None:
            return self._keeps
        return (settings().results_persist_by_default or None) if outer is None else outer.keeps

    @property
    def plan(self) -> FlowPlan:
        """What the engine must know of this flow."""
        if self._plan is None:
            delay = self.retry_delay_seconds
            found: dict[HookKind, list[Hook]] = {k: getattr(self, k + "_hooks") for k in _HOOKS}
            self._plan = FlowPlan(
                retry=RetryPolicy(self.retries, (delay,) if delay else ()),
                timeout=self.timeout_seconds,
                hooks=frozenset(kind for kind, hooks in found.items() if hooks),
            )
        return self._plan

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(
        self: Flow[..., Coroutine[Any, Any, T]],
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
        """Run the flow now; return what the function returns, or the final state."""
        __tracebackhide__ = True
        return_state = kwargs.pop("return_state", False)
        wait_for = kwargs.pop("wait_for", None)
        if self.ismethod:
            args = (self._receiver, *args)
        return self.start(_loaded()[0](self, args, kwargs, wait_for), return_state)

    def start(self, run: Any, return_state: bool) -> Any:
        """Take a run of this flow to its end, or return its coroutine or generator."""
        __tracebackhide__ = True
        _, drive, promise, finish, outermost = _loaded()
        if self.isgenerator:
            return _generated(run, return_state)
        if self.isasync:
            return promise(run, return_state)
        with outermost(run):
            token = current.set(run.context)
            try:
                end = drive(run, flow_run(self.plan))
            finally:
                current.reset(token)
            return finish(run, end, return_state)

    def with_options(self, **options: Unpack[FlowOptions]) -> Flow[P, R]:
        """Return a copy with other options; what is not named stays."""
        from legato._sdk.code import merged

        return type(self)(self.fn, **merged(self, options, _HOOKS)).bound_like(self)

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters coerced to the function's annotations, with defaults filled in.

        Raises ParameterTypeError that names every bad field with its value, and
        ParameterBindError for parameters that the function does not have.

        >>> from legato import flow
        >>> @flow
        ... def etl(path: str, limit: int = 10) -> None: ...
        >>> etl.validate_parameters({"path": "a.csv"})
        {'path': 'a.csv', 'limit': 10}
        """
        from legato._sdk.parameters import completed, validated

        return validated(self, completed(self, parameters))

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters as the JSON values that a run is recorded with.

        What cannot be JSON is named by its type.

        >>> from legato import flow
        >>> @flow
        ... def etl(path: object, limit: int) -> None: ...
        >>> etl.serialize_parameters({"path": object(), "limit": 3})
        {'path': '<object>', 'limit': 3}
        """
        from legato._sdk.parameters import jsonable

        return jsonable(parameters)

    def generate_mermaid_graph(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return what the flow calls with these arguments as a flowchart for Mermaid.

        The flow's function runs; its tasks are not called and nothing is recorded. Raises
        FlowVisualizationError if the flow uses what a task returns, unless the task has a
        `viz_return_value`.

        >>> from legato import flow, task
        >>> @task
        ... def load(n: int) -> int:
        ...     return n
        >>> @flow
        ... def etl() -> None:
        ...     load(load(1))
        >>> print(etl.generate_mermaid_graph())
        flowchart TD
            n0["load-0"]
            n1["load-1"]
            n0 --> n1
        <BLANKLINE>
        """
        from legato._sdk import drawing, dry_run

        return drawing.mermaid(dry_run.nodes_of(self, args, kwargs))

    def visualize(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Draw what the flow calls with these arguments, if Graphviz is installed.

        See `generate_mermaid_graph`; raises GraphvizImportError without Graphviz.
        """
        from legato._sdk import drawing, dry_run

        drawing.show(self.name, dry_run.nodes_of(self, args, kwargs))

    async def agenerate_mermaid_graph(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Do as `generate_mermaid_graph` while an event loop runs, in a thread beside it."""
        from asyncio import to_thread

        return await to_thread(self.generate_mermaid_graph, *args, **kwargs)

    async def avisualize(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Do as `visualize` while an event loop runs, in a thread beside it."""
        from asyncio import to_thread

        await to_thread(self.visualize, *args, **kwargs)

    def on_cancellation(self, fn: H) -> H:
        """Add a hook `(flow, flow_run, state)` for Cancelled."""
        return self._add("on_cancellation", fn)

    def on_crashed(self, fn: H) -> H:
        """Add a hook `(flow, flow_run, state)` for Crashed."""
        return self._add("on_crashed", fn)

    @overload
    def __get__(self: Binds[T, Q, S], instance: object, owner: T) -> Flow[Q, S]: ...

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self: Binds[T, Q, S], instance: T, owner: type | None = None) -> Flow[Q, S]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Self: ...

    def __get__(self, instance: object, owner: Any = None) -> Any:
        """Bind as a function, a classmethod or a staticmethod of that kind binds."""
        return self._bind(instance, owner)

    def __repr__(self) -> str:
        return f"<flow {self.name!r}>"


def _generated(run: Any, return_state: bool) -> Any:
    from legato._sdk import finishing

    return finishing.generated_flow(run, return_state)


@cache
def _loaded() -> Any:
    """Load what only a call needs."""
    from legato._sdk import drive, finishing, flow_execution, interrupts

    return (
        flow_execution.FlowExecution,
        drive.drive,
        finishing.promise_flow,
        finishing.finish_flow,
        interrupts.outermost,
    )


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(
    fn: None = None, /, **options: Unpack[FlowOptions]
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...


def flow(fn: Any = None, /, **options: Unpack[FlowOptions]) -> Any:
    """Make a flow of a function; its runs are recorded, and retried and timed as asked.

    `retry_delay_seconds` and `timeout_seconds` are in seconds. Raises TypeError or ValueError for
    a bad option, InvalidNameError for a name with one of / % & > <.

    >>> from legato import flow
    >>> @flow(name="greet", retries=1)
    ... def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> greet("you")
    'hello you'
    """
    if fn is None:

        def decorate(function: Any) -> Any:
            return flow(function, **options)

        return decorate
    return cast("Flow[Any, Any]", Flow(fn, **options))
