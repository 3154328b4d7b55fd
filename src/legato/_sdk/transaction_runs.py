"""Task runs as transactions: staged when they complete, rolled back with what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._engine.effects import Draft
from legato._model.records import TaskRunMoved
from legato._model.states import StateType
from legato._model.transitions import ROLLED_BACK
from legato._sdk.stamping import stamped
from legato._sdk.transaction_ends import Steps, failing, leaving, rolling_back
from legato._sdk.transactions import transaction_around, transaction_of

if TYPE_CHECKING:
    from legato._sdk.task_execution import TaskExecution

CACHED = "Cached"
MESSAGE = "Task rolled back as part of transaction"


def stage(run: Any, draft: Draft) -> Steps:
    """Hand a run that has ended to the transaction around it, or commit it if there is none."""
    if draft.type is not StateType.COMPLETED:  # its result could not be stored
        return (yield from roll_back(run, retried=False))
    if draft.name == CACHED:
        return None  # nothing was done that could be undone
    context, task = run.context, run.task
    own = context.transaction
    if own is not None and (own.is_doomed or own.is_rolled_back()):
        # Something inside failed, and the task went on: it counts, what came before does not.
        yield from rolling_back(own)
        context.transaction = own.successor(context)
    own = transaction_of(context)
    own.stage(None, list(task.on_rollback_hooks), list(task.on_commit_hooks))
    own.at_rollback = lambda failed: rolled_back(run, failed)
    return (yield from leaving(own, None))


def roll_back(run: Any, retried: bool) -> Steps:
    """Undo what was staged inside of a run that failed; unless it is retried, also what is around.

    A run is not undone itself, as it did not complete.
    """
    context = run.context
    error: BaseException | None = None
    if context.transaction is not None:
        error = yield from rolling_back(context.transaction)
        context.transaction = None
    around = None if retried else transaction_around(context.outer, make=False)
    if around is not None:
        error = (yield from failing(around)) or error
    return error


def rolled_back(run: TaskExecution, failed: list[str]) -> None:
    """Record that the run, which had completed, is rolled back."""
    context, backend = run.context, run.backend
    message = MESSAGE
    if failed:
        message += f"; these hooks failed: {', '.join(failed)}"
    draft = Draft(type=StateType.COMPLETED, name=ROLLED_BACK, message=message)
    context.state = state = stamped(draft, context.state, backend.clock, backend.ids)
    context.version += 1
    backend.journal.append(
        TaskRunMoved(
            run.epoch, run.flow_run_id, context.id, context.version, state, context.progress
        )
    )
