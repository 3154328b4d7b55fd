"""Subflows whose results are stored do not run again when the flow around them is tried again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from legato._engine.effects import Draft, Found
from legato._engine.endings import describe
from legato._model.results import ResultReference
from legato._sdk import run_logs, stored_results
from legato._sdk.replay import has_fingerprint

if TYPE_CHECKING:
    from legato._model.states import State
    from legato._sdk.context import FlowRunContext
    from legato._sdk.flow_execution import FlowExecution


class _End(NamedTuple):
    id: UUID
    name: str
    parent_task_run_id: UUID | None
    state: State
    result_id: UUID


class Call(NamedTuple):
    """A call of a subflow: what it is, and the how manieth of its kind in this try."""

    subflows: EndedSubflows
    kind: str
    number: int

    def note(self, run: FlowRunContext, state: State, result_id: UUID) -> None:
        """Note that it has completed, with a result that is stored."""
        end = _End(run.id, run.name, run.parent_task_run_id, state, result_id)
        self.subflows.ends[self.kind, self.number] = end


class EndedSubflows:
    """Those of one flow run that have completed, by their calls."""

    __slots__ = ("_calls", "ends")

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self.ends: dict[tuple[str, int], _End] = {}

    def begin_try(self) -> None:
        """Count the calls from the first one again."""
        self._calls.clear()

    def call(self, key: str) -> Call:
        """Return what the step with this key is a call of."""
        kind = key.rpartition(":")[0]
        self._calls[kind] += 1
        return Call(self, kind, self._calls[kind])


def find(run: FlowExecution, parent: FlowRunContext, key: str) -> Found | None:
    """Return the end of the same call in a try before; the run becomes that one.

    Calls whose arguments have no JSON form are no same calls: they run again.
    """
    if not has_fingerprint(key):
        return None
    if parent.ended_subflows is None:
        parent.ended_subflows = EndedSubflows()
    run.call = call = parent.ended_subflows.call(key)
    end = call.subflows.ends.get((call.kind, call.number))
    if end is None:
        return None
    try:
        value = stored_results.value_of(ResultReference(end.result_id))
    except Exception as error:  # noqa: BLE001 - storages and classes of the user
        message = f"{end.name} runs again: its result cannot be read. {describe(error)}"
        run_logs.say(parent, run_logs.WARNING, message)
        return None
    message = f"The subflow run {end.name!r} has completed; it does not run again"
    run_logs.say(parent, run_logs.INFO, message)
    context, state = run.context, end.state
    context.id, context.name = end.id, end.name
    context.parent_task_run_id = end.parent_task_run_id
    if end.parent_task_run_id is not None:
        parent.lineage.remember(value, end.parent_task_run_id)
    draft = Draft(type=state.type, name=state.name, message=state.message, data=value)
    return Found(state, draft)
