"""A flow run that records nothing and calls no task: what would be called, from what to what.

The flow's function runs as ever, with the engine's own flow run around it. Its tasks return
stand-ins instead of calling their functions, so the edges are those that a real run records.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from msgspec import Struct

from legato._engine.flow_run import FlowEnd, FlowPlan, flow_run
from legato._journal.clock import SystemClock
from legato._journal.random import SystemRandom
from legato._model.records import (
    Accepted,
    FlowRunMoveProposed,
    FlowRunProposed,
    TaskRunCreated,
)
from legato._model.states import StateType
from legato._model.task_runs import ConstantInput, ParameterInput, TaskRunCreate
from legato._sdk import interrupts
from legato._sdk.context import current
from legato._sdk.drive import adrive, drive
from legato._sdk.exceptions import FlowVisualizationError
from legato._sdk.flow_execution import FlowExecution
from legato._sdk.services import new_id

if TYPE_CHECKING:
    from legato._backend.port import Backend
    from legato._sdk.flow import Flow
    from legato._sdk.task import Task

_LOGGERS = ("legato.flow_runs", "legato.task_runs")


class Node(Struct):
    """A call of a task or of a subflow; `inside` is the subflow that it was made in."""

    id: UUID
    name: str
    upstream: list[UUID]
    inside: UUID | None
    is_flow: bool = False


class StandIn:
    """What a task returns in a dry run."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"<what {self._name} returns>"


def stand_in(task: Task[Any, Any]) -> Callable[..., Any]:
    """Return what is called in the place of a task's function."""
    given = task.options.viz_return_value

    def value() -> Any:
        return StandIn(task.name) if given is None else given

    def generate(*_: Any, **__: Any) -> Any:
        yield value()

    async def agenerate(*_: Any, **__: Any) -> Any:
        yield value()

    async def acall(*_: Any, **__: Any) -> Any:
        return value()

    def call(*_: Any, **__: Any) -> Any:
        return value()

    if task.isgenerator:
        return agenerate if task.isasync else generate
    return acall if task.isasync else call


class _Notes:
    """Stands for the journal: keeps what was called, and agrees to everything."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._flows: dict[UUID, UUID] = {}

    def append(self, record: object) -> None:
        if isinstance(record, TaskRunCreated):
            self._add(record.run, is_flow=False)

    hold = append

    def propose(self, *records: object) -> list[Accepted]:
        for record in records:
            if isinstance(record, FlowRunProposed) and record.parent is not None:
                if record.run.id is not None:
                    self._flows[record.run.id] = record.parent.id
                self._add(record.parent, is_flow=True)
        return [_accepted(record) for record in records]

    def lull(self) -> None: ...

    def flush(self, acked: bool = False) -> None: ...

    def keep_ahead(self, flow_run_id: UUID, epoch: int) -> bool:
        return True

    def fenced(self, flow_run_id: UUID) -> None: ...

    def own(self, flow_run_id: UUID) -> None: ...

    def _add(self, run: TaskRunCreate, *, is_flow: bool) -> None:
        upstream = [
            given.id
            for inputs in run.task_inputs.values()
            for given in inputs
            if not isinstance(given, ParameterInput | ConstantInput)
        ]
        inside = self._flows.get(run.flow_run_id or UUID(int=0))
        self.nodes.append(Node(run.id, run.name, list(dict.fromkeys(upstream)), inside, is_flow))


def _accepted(record: object) -> Accepted:
    if isinstance(record, FlowRunProposed):
        assert record.run.state is not None  # noqa: S101 - set by the execution
        return Accepted(record.run.state, 1, UUID(int=0))
    return Accepted(cast("FlowRunMoveProposed", record).state, 1, UUID(int=0))


class _Ids:
    def new(self) -> UUID:
        return new_id()


class _Nowhere:
    """Stands for the backend."""

    is_child = False
    is_dry = True

    def __init__(self) -> None:
        self.journal = _Notes()
        self.clock, self.ids, self.random = SystemClock(), _Ids(), SystemRandom()

    def send(self, operation: object) -> Any:
        """Answer that there is nothing, such as limits on tags."""
        return []

    def limit(self, flow_run_id: UUID, seconds: float) -> None:
        """Nothing runs."""


def nodes_of(flow: Flow[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Node]:
    """Return the calls that a run of the flow with these arguments would make, in order.

    Raises FlowVisualizationError if the flow fails, as when it uses what a task returns.
    """
    if current.get() is not None:
        raise FlowVisualizationError("A flow cannot be drawn from within a run.")
    if flow.isgenerator:
        raise FlowVisualizationError("A flow that yields cannot be drawn.")
    if flow.isasync and sys.modules.get("asyncio") and _loop_runs():
        raise FlowVisualizationError("An async flow is drawn outside of a running loop.")
    if flow.ismethod:
        args = (flow.receiver, *args)
    run = FlowExecution(flow, args, kwargs)
    nowhere = _Nowhere()
    run.backend = run.context.backend = cast("Backend", nowhere)
    end = _carried_out(run, nowhere)
    data = end.draft.data
    if isinstance(data, BaseException) and end.draft.type is not StateType.COMPLETED:
        raise FlowVisualizationError(
            f"The flow {flow.name!r} could not be drawn: {type(data).__name__}: {data}. Tasks are "
            "not called for the drawing. Where the flow uses what a task returns, give the task "
            "a `viz_return_value`."
        ) from data
    return nowhere.journal.nodes


def _loop_runs() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _carried_out(run: FlowExecution, nowhere: _Nowhere) -> FlowEnd:
    with _quiet(nowhere), interrupts.outermost(run):
        token = current.set(run.context)
        try:
            if not run.flow.isasync:
                return drive(run, flow_run(FlowPlan()))
            import asyncio

            return asyncio.run(adrive(run, flow_run(FlowPlan())))
        finally:
            current.reset(token)


@contextmanager
def _quiet(nowhere: _Nowhere) -> Generator[None, None, None]:
    """Keep what the dry run logs from the console."""

    def is_of_others(record: logging.LogRecord) -> bool:
        run: Any = getattr(record, "legato_run", None)
        flow = getattr(run, "flow_run_context", run)
        return getattr(flow, "backend", None) is not nowhere

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(is_of_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_others)
