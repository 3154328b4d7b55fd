"""Transactions of task runs that other processes do.

A worker does not commit what it does inside of a transaction of the flow's process. It sends home
what it has staged, its own values and the task runs inside with their hooks; these are called here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from legato._model.transitions import COMMITTING
from legato._sdk import pickling, transaction_standing
from legato._sdk.context import TaskRunContext, transacting
from legato._sdk.errand import fill, identity_of
from legato._sdk.exceptions import SerializationError
from legato._sdk.packing import traits_of
from legato._sdk.task_execution import TaskExecution
from legato._sdk.transaction_ends import Steps
from legato._sdk.transaction_runs import stage
from legato._sdk.transaction_standing import Standing
from legato._sdk.transaction_tree import BaseTransaction
from legato._sdk.transactions import Transaction, transaction_around, transaction_of

if TYPE_CHECKING:
    from legato._engine.effects import Draft
    from legato._sdk.task import Task


def values_around(context: TaskRunContext) -> dict[str, Any] | None:
    """Return what hooks and tasks inside may read; None: the worker may commit by itself."""
    if transaction_around(context.outer) is None:
        return None
    found: dict[str, Any] = {}
    txn: BaseTransaction | None = transaction_of(context)
    while txn is not None:
        found = {**txn.values, **found}
        txn = txn.get_parent()
    return found


def stand_in(values: dict[str, Any]) -> None:
    """Let a transaction that never ends be around what this worker does next."""
    txn = Transaction()
    txn.prepare_transaction()
    txn.values = values
    transacting.set(txn)


def packed(context: TaskRunContext) -> bytes | None:
    """Return what the task run has staged by now; raise SerializationError if it cannot be sent."""
    own = context.transaction
    if own is None:
        return None
    try:
        return pickling.dumps(_described(own))
    except Exception as error:
        raise SerializationError(
            f"What task run {context.name!r} leaves to its transaction, values set with txn.set() "
            f"and hooks of tasks inside, cannot be sent to the process of the flow: {error}."
        ) from error


def _described(txn: BaseTransaction) -> dict[str, Any]:
    found: dict[str, Any] = {
        "values": txn.values,
        "hooks": (txn.on_commit_hooks, txn.on_rollback_hooks),
        "state": txn.state,
        "children": [_described(child) for child in txn.children if not child.has_ended],
        "run": None,
    }
    run = txn.run
    if isinstance(run, TaskRunContext):
        task: Any = run.task
        found |= {
            "run": traits_of(run),
            "task": task,
            "place": (task.__module__, task.__qualname__),
        }
        if found["hooks"] == (task.on_commit_hooks, task.on_rollback_hooks):
            found["hooks"] = None
    return found


def arrived(run: TaskExecution, draft: Draft, staged: bytes | None) -> Steps:
    """Stage here what a worker has done, or roll back because it failed."""
    own = run.context.transaction
    if own is not None and staged is not None:
        _take(own, pickling.loads(staged), run)
    return (yield from stage(run, draft))


def restore(own: BaseTransaction, run: TaskExecution) -> None:
    """Stage again what a task run has left that an earlier attempt finished."""
    left = transaction_standing.left_by(run.context)
    if left is not None:
        _take(own, left, run)


def _take(own: BaseTransaction, given: dict[str, Any], run: TaskExecution) -> None:
    own.values = given["values"]
    made = (_made(child, own, run) for child in given["children"])
    own.children = [child for child in made if child is not None]


def _made(
    given: dict[str, Any], parent: BaseTransaction, of: TaskExecution
) -> BaseTransaction | None:
    """Return a part of the tree; None for a task run that an earlier attempt has ended with it."""
    txn = Transaction(state=given["state"])
    txn.values = given["values"]
    hooks, context = given["hooks"], of.context
    if given["run"] is not None:
        task = _task_here(given)
        hooks = hooks or (task.on_commit_hooks, task.on_rollback_hooks)
        context = TaskRunContext(**identity_of(given["run"]), parameters={})
        fill(context, given["run"])
        context.task, context.flow_run_context = task, of.context.flow_run_context
        step = transaction_standing.step_of(context)
        if step is not None:
            if not step.is_open:
                return None
            context.state, context.version = step.state, step.version
            hooks = hooks if step.state.name != COMMITTING else ((), hooks[1])
        txn.standing = Standing(TaskExecution.elsewhere(of.backend, context, (), {}))
    txn.on_commit_hooks, txn.on_rollback_hooks = map(list, hooks)
    txn.inside(parent, context)
    made = (_made(child, txn, of) for child in given["children"])
    txn.children = [child for child in made if child is not None]
    return txn


def _task_here(given: dict[str, Any]) -> Task[Any, Any]:
    """Return the task of this process, whose hooks have the variables of this process."""
    task: Task[Any, Any] = given["task"]
    found: Any = pickling.standing(*given["place"])
    is_same = type(found) is type(task) and found.name == task.name
    return cast("Task[Any, Any]", found) if is_same else task
