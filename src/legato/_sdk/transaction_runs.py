"""Task runs as transactions: staged when they complete, rolled back with what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from legato._model.attempts import CACHED
from legato._model.states import StateType
from legato._model.transitions import COMMITTING
from legato._sdk import transaction_standing
from legato._sdk.transaction_ends import Steps, WaitStep, failing, leaving, rolling_back
from legato._sdk.transaction_standing import Standing
from legato._sdk.transactions import transaction_around, transaction_of

if TYPE_CHECKING:
    from legato._engine.effects import Draft


def stage(run: Any, draft: Draft) -> Steps:
    """Hand a run that has ended to the transaction around it, or commit it if there is none."""
    if draft.type is not StateType.COMPLETED:  # its result could not be stored
        return (yield from roll_back(run, retried=False))
    if draft.name == CACHED:
        return None  # nothing was done that could be undone
    context, task = run.context, run.task
    if run.found is not None and not run.found.stands:
        return (yield from _undone(run))
    own = context.transaction
    if own is not None and (own.is_doomed or own.is_rolled_back()):
        # Something inside failed, and the task went on: it counts, what came before does not.
        yield from rolling_back(own)
        context.transaction = own.successor(context)
    own = transaction_of(context)
    has_called = context.state.name == COMMITTING
    own.stage(None, list(task.on_rollback_hooks), [] if has_called else list(task.on_commit_hooks))
    own.standing = Standing(run)
    if run.found is not None:
        from legato._sdk import transaction_errands

        transaction_errands.restore(own, run)
    elif own.futures and own.standing.is_durable:  # what it has left is complete when these are
        for future in own.futures:
            yield WaitStep(future)
        transaction_standing.keep(run)
    return (yield from leaving(own, None))


def _undone(run: Any) -> Steps:
    """Roll back what an earlier attempt did in the place of a run, which begins anew then."""
    context, task = run.context, run.task
    own = transaction_of(context)
    own.values = (transaction_standing.left_by(context) or {}).get("values", {})
    own.stage(None, list(task.on_rollback_hooks))
    own.standing = Standing(run)
    error = yield from rolling_back(own)
    context.transaction = context.state = run.found = None
    context.id, context.version = run.backend.ids.new(), 0
    return error


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
