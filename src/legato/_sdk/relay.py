"""What a worker process says while it does a task, and what is made of it here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft
from legato._model.progress import START, advance
from legato._model.records import (
    FlowRunMoveProposed,
    FlowRunProposed,
    TaskRunCreated,
    TaskRunMoved,
)
from legato._model.states import TERMINAL, State, StateType
from legato._sdk import durable_steps, pickling
from legato._sdk.at_work import waits_for_long
from legato._sdk.stamping import stamped

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from uuid import UUID

    from legato._model.records import Record
    from legato._sdk.task_execution import TaskExecution


@waits_for_long
def _received(pipe: Connection) -> Any:
    return pipe.recv()


_ASKED = frozenset({"identity", "changes", "sweep"})
"""What a worker asks of the backend of the flow's process, as its own holds nothing."""


class Relay:
    """Passes on what the worker of one task run records and asks."""

    def __init__(self, run: TaskExecution) -> None:
        self._run = run
        self._backend = run.backend
        self.staged: bytes | None = None
        """What the run has left to its transaction."""
        self._open: dict[UUID, Record] = {}  # the last record of what runs inside of the task

    def until_end(self, pipe: Connection) -> tuple[State, Draft]:
        """Listen until the task run has ended; raise EOFError if the worker dies before."""
        while True:
            kind, *content = _received(pipe)
            if kind == "record":
                self._append(*content)
            elif kind == "end":
                return self._ended(*content)
            else:
                pipe.send(self._answer(kind, *content))

    def close_open_runs(self, draft: Draft) -> None:
        """End what ran inside of a task whose worker is dead."""
        for record in reversed(self._open.values()):
            if isinstance(record, TaskRunMoved | TaskRunCreated):
                self._backend.journal.append(self._moved(record, draft))
            elif isinstance(record, FlowRunMoveProposed):
                state = stamped(draft, record.state, self._backend.clock, self._backend.ids)
                run_id = record.flow_run_id
                self._backend.journal.propose(FlowRunMoveProposed(record.epoch, run_id, state))
        self._open.clear()

    def _moved(self, record: TaskRunMoved | TaskRunCreated, draft: Draft) -> TaskRunMoved:
        if isinstance(record, TaskRunCreated):
            run = record.run
            epoch, flow_run_id, run_id = record.epoch, run.flow_run_id, run.id
            version, before, progress = 1, run.state, START
        else:
            epoch, flow_run_id, run_id = record.epoch, record.flow_run_id, record.task_run_id
            version, before, progress = record.version, record.state, record.progress
        state = stamped(draft, before, self._backend.clock, self._backend.ids)
        progress = advance(progress, before.type, before.timestamp, state)
        return TaskRunMoved(epoch, flow_run_id, run_id, version + 1, state, progress)

    def _append(self, record: Record) -> None:
        self._backend.journal.append(record)
        self._note(record)

    def _note(self, record: Record) -> None:
        context = self._run.context
        if isinstance(record, TaskRunMoved) and record.task_run_id == context.id:
            context.state, context.version = record.state, record.version
            context.progress = record.progress
        elif isinstance(record, TaskRunCreated):
            self._open[record.run.id] = record
        elif isinstance(record, TaskRunMoved):
            self._keep(record.task_run_id, record, record.state)
        elif isinstance(record, FlowRunMoveProposed):
            self._keep(record.flow_run_id, record, record.state)

    def _keep(self, run_id: UUID, record: Record, state: State) -> None:
        if state.type in TERMINAL:
            self._open.pop(run_id, None)
        else:
            self._open[run_id] = record

    def _answer(self, kind: str, *content: Any) -> tuple[bool, Any]:
        """Return (True, the answer to a question) or (False, the exception)."""
        try:
            if kind == "propose":
                answers = self._backend.journal.propose(*content)
                for record in content:
                    if not isinstance(record, FlowRunProposed):
                        self._note(record)
                return True, answers
            if kind == "flush":
                self._backend.journal.flush(*content)
                return True, None
            if kind in _ASKED:
                return True, getattr(self._backend, kind)()
            return True, self._backend.send(*content)
        except Exception as exc:  # noqa: BLE001 - it is raised in the worker
            return False, exc

    def _ended(
        self, state: State, fields: dict[str, Any], data: bytes, staged: bytes | None
    ) -> tuple[State, Draft]:
        self.staged = staged
        value = pickling.loads(data)
        draft = Draft(**fields, data=value)
        flow = self._run.context.flow_run_context
        if flow is not None and draft.type is StateType.COMPLETED:
            flow.lineage.remember(value, self._run.context.id)
            durable_steps.keep_back(flow, self._run.task, value)
        return state, draft
