"""The run that the current code belongs to."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from legato._model.progress import START
from legato._model.records import Progress
from legato._model.states import State
from legato._sdk.exceptions import MissingContextError
from legato._sdk.options import checked_tags

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.children import Children
    from legato._sdk.client.objects import FlowRun, TaskRun
    from legato._sdk.ended_subflows import EndedSubflows
    from legato._sdk.flow import Flow
    from legato._sdk.lineage import Lineage
    from legato._sdk.promises import Promise
    from legato._sdk.replay import Replay
    from legato._sdk.step_keys import Ordinals
    from legato._sdk.task import Task
    from legato._sdk.transaction_steps import HookScope
    from legato._sdk.transaction_tree import BaseTransaction

current: ContextVar[FlowRunContext | TaskRunContext | None] = ContextVar("legato_run", default=None)
current_tags: ContextVar[frozenset[str]] = ContextVar("legato_tags", default=frozenset())
transacting: ContextVar[BaseTransaction | HookScope | None] = ContextVar(
    "legato_transaction", default=None
)
"""The innermost block of a transaction; which run it was opened in stands in it."""
hooking: ContextVar[FlowRunContext | TaskRunContext | None] = ContextVar(
    "legato_hooking", default=None
)
"""The run in which a hook is at work: what the hook calls is no step of the run's own code."""


class RunContext:
    """What flow runs and task runs have in common: identity, state and progress."""

    __slots__ = (
        "id", "keeps", "log_prints", "name", "outer", "parameters", "progress", "state", "tags",
        "transaction", "version",
    )  # fmt: skip
    noun: ClassVar[str] = "run"
    outer: FlowRunContext | TaskRunContext | None
    """The run in which this one was called."""
    transaction: BaseTransaction | None
    """The transaction that a task run is, once something needs it; flow runs are none."""
    id: UUID
    name: str
    parameters: dict[str, Any]
    tags: frozenset[str]
    log_prints: bool
    keeps: bool | None
    """Whether results are stored; None: nobody says so, here or in the runs around."""
    state: State | None
    progress: Progress
    version: int

    def __init__(self, run_id: UUID, name: str, parameters: dict[str, Any]) -> None:
        self.id = run_id
        self.name = name
        self.parameters = parameters
        self.outer = self.transaction = None
        self.tags = frozenset()
        self.log_prints, self.keeps = False, None
        self.state = None
        self.progress = START
        self.version = 0

    @property
    def persist_result(self) -> bool:
        """Whether results are stored: of this run, and of those in it that do not say."""
        return bool(self.keeps)

    def become(self, made: BaseTransaction) -> BaseTransaction:
        """Be the transaction that was made; return the one that it is, if another was faster."""
        if self.transaction is None:
            self.transaction = made
        return self.transaction

    def __repr__(self) -> str:
        from legato._sdk import reprs

        return reprs.context(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as None, with log records for instance: a run is active in its process only."""
        return _elsewhere, ()


def _elsewhere() -> None:
    return None


class FlowRunContext(RunContext):
    """An active flow run."""

    __slots__ = (
        "backend",
        "children",
        "commits_here",
        "durable",
        "ended_subflows",
        "epoch",
        "flow",
        "flow_id",
        "home",
        "interrupted",
        "lineage",
        "ordinals",
        "parent_task_run_id",
        "promises",
        "replay",
        "root_id",
        "step_key",
    )  # fmt: skip
    noun = "Flow run"
    flow: Flow[Any, Any]
    backend: Backend
    children: Children | None
    """The task runs that were submitted, once there is one."""
    durable: bool
    """Whether each finished step is committed before the flow goes on."""
    commits_here: bool
    """Whether that may be the disk of this machine, while the server is away."""
    flow_id: UUID | None
    home: object
    """The thread and asyncio task of the flow's function, if there are steps to find again."""
    epoch: int
    root_id: UUID
    parent_task_run_id: UUID | None
    ordinals: Ordinals
    promises: dict[int, Promise] | None
    """The coroutines that have not started, once there was one."""
    lineage: Lineage
    replay: Replay | None
    """What earlier attempts have finished, if this is not the first one."""
    step_key: str
    ended_subflows: EndedSubflows | None
    """Those whose results are stored, once there was a subflow."""
    interrupted: list[BaseException]
    """The signal that asks the whole tree of runs to end, if there was one."""

    @property
    def flow_run(self) -> FlowRun:
        """The flow run as a public record."""
        from legato._sdk.views import flow_run_of

        return flow_run_of(self)

    @property
    def start_time(self) -> datetime | None:
        """When the run entered Running for the first time."""
        return self.progress.start_time

    @staticmethod
    def get() -> FlowRunContext | None:
        """Return the flow run that the current code belongs to, or None."""
        run = current.get()
        return run.flow_run_context if isinstance(run, TaskRunContext) else run


class TaskRunContext(RunContext):
    """An active task run."""

    __slots__ = ("flow_run_context", "step_key", "task")
    noun = "Task run"
    task: Task[Any, Any]
    flow_run_context: FlowRunContext | None
    step_key: str

    @property
    def task_run(self) -> TaskRun:
        """The task run as a public record."""
        from legato._sdk.views import task_run_of

        return task_run_of(self)

    @staticmethod
    def get() -> TaskRunContext | None:
        """Return the task run that the current code belongs to, or None."""
        run = current.get()
        return run if isinstance(run, TaskRunContext) else None


def get_run_context() -> FlowRunContext | TaskRunContext:
    """Return the context of the innermost active run; raise MissingContextError outside.

    >>> get_run_context()
    Traceback (most recent call last):
    ...
    legato._sdk.exceptions.MissingContextError: There is no active flow or task run.
    """
    run = current.get()
    if run is None:
        raise MissingContextError
    return run


class TagsContext:
    """The tags that runs which start here are given."""

    def __init__(self, *, current_tags: Iterable[str] = ()) -> None:
        self.current_tags: set[str] = set(current_tags)

    @classmethod
    def get(cls) -> TagsContext:
        """Return the tags of the blocks around the current code.

        >>> with tags("nightly"):
        ...     TagsContext.get().current_tags
        {'nightly'}
        """
        return cls(current_tags=current_tags.get())


@contextmanager
def tags(*new_tags: str) -> Generator[set[str], None, None]:
    """Add tags to the flow runs and task runs that start inside the block.

    >>> with tags("nightly"):
    ...     pass
    """
    union = current_tags.get() | checked_tags(new_tags, "tags")
    token = current_tags.set(union)
    try:
        yield set(union)
    finally:
        current_tags.reset(token)
