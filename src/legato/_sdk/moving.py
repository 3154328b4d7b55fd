"""Takes the active run along to threads and processes that Legato does not know of."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Generic, ParamSpec, TypeVar, cast

from legato._engine.effects import Returned
from legato._sdk import pickling
from legato._sdk.context import FlowRunContext, RunContext, TaskRunContext, current, current_tags
from legato._sdk.exceptions import MissingContextError
from legato._settings.current import current as settings

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


def serialize_context(asset_ctx_kwargs: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the active run and the tags as values that can be pickled.

    `hydrated_context` makes them active again, in another process, say. `asset_ctx_kwargs` means
    nothing yet.
    """
    from legato._sdk.packing import flow_traits, traits_of

    found: dict[str, Any] = {"home": settings().home, "tags": sorted(current_tags.get())}
    flow, run = FlowRunContext.get(), current.get()
    if flow is not None:
        found |= flow_traits(flow)
    if isinstance(run, TaskRunContext):
        found["run"], found["task"] = traits_of(run, "parameters"), pickling.dumps(run.task)
    return found


@contextmanager
def hydrated_context(
    serialized_context: dict[str, Any] | None = None, client: Any = None
) -> Generator[None]:
    """Let the run that `serialize_context` has described be the active one within the block.

    Tasks that are called there belong to its flow run; they are recorded by this process, in the
    same home, and are committed when the block ends. Without a description nothing changes.
    `client` means nothing: no server is asked.
    Raises MissingContextError where another home is in use.
    """
    if serialized_context is None:
        yield
        return
    run = _run_of(serialized_context)
    tags_token = current_tags.set(frozenset(serialized_context["tags"]))
    token = current.set(cast("Any", run))
    try:
        yield
    finally:
        current.reset(token)
        current_tags.reset(tags_token)
        _finish(run)


def _finish(run: RunContext | None) -> None:
    """Wait for what was submitted, and commit: pools may kill their processes at any time."""
    flow = run.flow_run_context if isinstance(run, TaskRunContext) else run
    if isinstance(flow, FlowRunContext):
        if flow.children is not None:
            flow.children.settle(Returned(None))
        flow.backend.journal.flush()


def _run_of(given: dict[str, Any]) -> RunContext | None:
    if given["home"] != settings().home:
        raise MissingContextError(
            f"The run was started with the home {str(given['home'])!r}, but this process uses "
            f"{str(settings().home)!r}. Give both the same LEGATO_HOME; on another machine let a "
            "task runner such as DaskTaskRunner take the tasks there."
        )
    from legato._sdk.errand import fill, flow_context, identity_of
    from legato._sdk.services import backend

    flow = flow_context(backend(), given) if "flow" in given else None
    if "run" not in given:
        return flow
    run = TaskRunContext(**identity_of(given["run"]), parameters=given["run"]["parameters"])
    fill(run, given["run"])
    run.task, run.flow_run_context = pickling.loads(given["task"]), flow
    return run


def with_context(fn: Callable[P, R]) -> Callable[P, R]:
    """Return the function as one that takes the active run along, to a thread or a process.

    The run is the one that is active here and now. For pools of your own; a task runner does that
    by itself.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from legato import flow, task
    >>> @task
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> @flow
    ... def doubles() -> list[int]:
    ...     with ThreadPoolExecutor() as pool:
    ...         return list(pool.map(with_context(double), [1, 2]))
    >>> doubles()
    [2, 4]
    """
    return _Carried(fn)


class _Carried(Generic[P, R]):
    """A function with the context that it was made in; in another process, with its description."""

    def __init__(self, fn: Callable[P, R]) -> None:
        self._fn = fn
        self._context = copy_context()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._context.copy().run(self._fn, *args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Arrived, (pickling.dumps(self._fn), self._context.run(serialize_context))


class _Arrived:
    """A function that came from another process."""

    def __init__(self, fn: bytes, serialized: dict[str, Any]) -> None:
        self._fn, self._serialized = pickling.loads(fn), serialized

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with hydrated_context(self._serialized):
            return self._fn(*args, **kwargs)
