"""How task runs stand to the end of their transaction, as it is recorded.

Every run records that it was rolled back. One of a durable flow records more, each time on disk
before the next hook is called, so that the next attempt goes on where a process died: that its
commit hooks were called, that it is committed, that it begins to be rolled back, and what it has
left to its transaction: its values, and the task runs inside of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from legato._engine.effects import Draft
from legato._engine.endings import describe
from legato._model.records import TaskRunMoved
from legato._model.results import ResultReference
from legato._model.states import StateType
from legato._model.transitions import COMMITTED, COMMITTING, ROLLED_BACK, ROLLING_BACK
from legato._sdk import durable_steps, run_logs
from legato._sdk.exceptions import MissingResult, SerializationError
from legato._sdk.stamping import stamped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from legato._model.attempts import Step
    from legato._sdk.context import TaskRunContext
    from legato._sdk.task_execution import TaskExecution
    from legato._sdk.transaction_tree import BaseTransaction

MESSAGE = "Task rolled back as part of transaction"


class Standing:
    """Where a task run stands that has completed."""

    def __init__(self, run: TaskExecution) -> None:
        self._run = run
        flow = run.context.flow_run_context
        self.is_durable: bool = flow is not None and flow.durable

    def committing(self) -> None:
        """Record that the commit hooks were called; a later failure may still roll back."""
        self._enter(COMMITTING, "Commit hooks have run")

    def rolling_back(self) -> None:
        """Record that rollback hooks are called next."""
        self._enter(ROLLING_BACK, "Rollback hooks are called")

    def rolled_back(self, failed: list[str]) -> None:
        """Record that the run is rolled back; `failed` are the hooks that raised."""
        message = MESSAGE
        if failed:
            message += f"; these hooks failed: {', '.join(failed)}"
        self._enter(ROLLED_BACK, message)

    def _enter(self, name: str, message: str) -> None:
        self.append(name, message)
        if self.is_durable:
            self.flush()

    def append(self, name: str, message: str) -> None:
        """Record a state that says how the transaction of the run ends."""
        run, context = self._run, self._run.context
        draft = Draft(type=StateType.COMPLETED, name=name, message=message)
        backend = run.backend
        context.state = state = stamped(draft, context.state, backend.clock, backend.ids)
        context.version += 1
        backend.journal.append(
            TaskRunMoved(
                run.epoch, run.flow_run_id, context.id, context.version, state, context.progress
            )
        )

    def flush(self) -> None:
        """Wait until what was recorded is on disk."""
        durable_steps.commit(self._run.backend, self._run.context)


def committed(standings: Iterable[Standing]) -> None:
    """Record, once for all of them, that runs of a durable flow are committed."""
    last: Standing | None = None
    for last in standings:
        last.append(COMMITTED, "Task committed as part of transaction")
    if last is not None:
        last.flush()


def keep(run: TaskExecution) -> None:
    """Store what a durable step leaves to its transaction, for a resume."""
    own, context = run.context.transaction, run.context
    if own is None or not (own.values or own.children):
        return
    from legato._sdk import results, transaction_errands
    from legato._sdk.serializers import PickleSerializer

    try:
        left = transaction_errands.packed(context)
        if left is None or _is_private(context, own, left):
            raise SerializationError("It holds a secret, or what a task keeps back.")
        results.put(context, left, PickleSerializer(), result_id=_left(context.id))
    except Exception as error:  # noqa: BLE001 - classes and storages of the user
        message = f"After a crash hooks would miss what {context.name} leaves to its transaction."
        run_logs.say(context, run_logs.WARNING, f"{message} {describe(error)}")


def _is_private(context: TaskRunContext, own: BaseTransaction, left: bytes) -> bool:
    """Tell whether the values of a transaction are not to be written."""
    from legato._sdk import private_values

    flow = context.flow_run_context
    hidden = None if flow is None else flow.lineage.kept_back
    if hidden is not None and hidden.is_in(left):
        return True
    return private_values.holds_secret([member.values for member in own.members()])


def left_by(context: TaskRunContext) -> dict[str, Any] | None:
    """Return what `keep` stored in an earlier attempt."""
    from legato._sdk import pickling, stored_results

    try:
        found = stored_results.value_of(ResultReference(_left(context.id)))
        left: dict[str, Any] = pickling.loads(found)
    except MissingResult:
        return None
    except Exception as error:  # noqa: BLE001 - classes and storages of the user
        message = f"Hooks will miss what {context.name} left to its transaction."
        run_logs.say(context, run_logs.WARNING, f"{message} {describe(error)}")
        return None
    return left


def _left(run_id: UUID) -> UUID:
    return uuid5(run_id, "left to the transaction")


def step_of(context: TaskRunContext) -> Step | None:
    """Return the run as an earlier attempt left it, if it is of one."""
    flow = context.flow_run_context
    replay = None if flow is None else flow.replay
    return None if replay is None else replay.step(context.id)
