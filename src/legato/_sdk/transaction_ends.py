"""How transactions end: in which order hooks are called, and what follows from one that fails.

A task run, or a block, is a transaction inside of the one around it. It is handed to that one when
it ends well, and goes with it. The generators here yield, as steps, what has to be called; who
performs the steps sends back the exception of each, or None. So sync and async transactions do the
same in the same order.

Commit: the children, in the order in which they were staged, then the transaction's own hooks.
Rollback: the reverse of that. First all hooks run, then records are written, and only then is
anything committed: where one of these fails, the whole tree is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from msgspec import Struct

from legato._sdk import run_logs
from legato._sdk.context import TaskRunContext
from legato._sdk.decorated import function_name
from legato._sdk.futures import Future
from legato._sdk.transaction_standing import committed
from legato._sdk.transaction_tree import BaseTransaction, CommitMode, Hook, TransactionState, tree


class HookStep(Struct):
    """Call a hook of a transaction; `kind` is `commit` or `rollback`."""

    txn: BaseTransaction
    hook: Hook
    kind: str


class CallStep(Struct):
    """Call something of ours that may block, such as a store."""

    call: Callable[[], Any]


class WaitStep(Struct):
    """Wait until a submitted task run has ended."""

    future: Future[Any]


Step = HookStep | CallStep | WaitStep
Steps = Generator[Step, BaseException | None, BaseException | None]
"""Steps to perform; returns the error to raise, if there is one."""


def committing(txn: BaseTransaction) -> Steps:
    """Commit a transaction and what was staged in it; if that fails, roll all of it back."""
    members = txn.close()
    for act in (_commit_hooks, _write):
        for member in members:
            error = yield from act(member)
            if error is not None:
                say(
                    txn, run_logs.ERROR, "The transaction could not be committed; it is rolled back"
                )
                yield from _undo(members)
                return error
    for member in members:
        member.state = TransactionState.COMMITTED
    error = yield from _recorded(members)
    return (yield from _ended(members)) or error


def rolling_back(txn: BaseTransaction) -> Steps:
    """Undo what was staged in a transaction; return a failed hook's error if it must be raised."""
    return (yield from _undo(txn.close()))


def leaving(txn: BaseTransaction, failure: BaseException | None) -> Steps:
    """End a block or a task run: commit it, roll it back, or hand it to the one around."""
    raised = (yield from _wait(txn)) or failure if _can_wait(failure) else failure
    error: BaseException | None = None
    mode, parent = txn.commit_mode, txn.get_parent()
    if raised is not None or txn.is_doomed or (mode is CommitMode.OFF and parent is None):
        error = yield from rolling_back(txn)
    elif mode is CommitMode.EAGER or parent is None:
        error = yield from committing(txn)
    if parent is not None:
        error = (yield from _hand_over(txn, parent)) or error
    if txn.has_ended:
        yield from _unlock(txn)
    return error if raised is None or not _can_wait(error) else raised


def _can_wait(failure: BaseException | None) -> bool:
    """Tell whether nothing has happened that wants a quick end, such as Ctrl-C."""
    return failure is None or isinstance(failure, Exception)


def _wait(txn: BaseTransaction) -> Steps:
    """Wait for what was submitted; return what makes that impossible."""
    for future in txn.futures:
        error = yield WaitStep(future)
        if error is not None:
            return error
    return None


def failing(txn: BaseTransaction) -> Steps:
    """Roll back because of what failed inside; when it ends, if its code is still at work."""
    if txn.is_busy():
        txn.is_doomed = True
        return None
    error = yield from rolling_back(txn)
    if txn.is_rolled_back() and isinstance(txn.run, TaskRunContext):
        # The task may go on; what it does from now on counts if it completes.
        txn.run.transaction = txn.successor(txn.run)
    return error


def _hand_over(txn: BaseTransaction, parent: BaseTransaction) -> Steps:
    if txn.is_rolled_back():
        return (yield from failing(parent))
    if txn.has_ended:
        return None
    end = parent.take(txn)
    if end is TransactionState.COMMITTED:
        return (yield from committing(txn))
    if end is TransactionState.ROLLED_BACK:
        return (yield from rolling_back(txn))
    return None


def _commit_hooks(txn: BaseTransaction) -> Steps:
    for hook in txn.on_commit_hooks:
        error = yield HookStep(txn, hook, "commit")
        if error is not None:
            return error
    if txn.on_commit_hooks and txn.standing is not None and txn.standing.is_durable:
        return (yield from _noted(txn, txn.standing.committing))
    return None


def _recorded(members: list[BaseTransaction]) -> Steps:
    """Record that task runs of durable flows are committed."""
    found = [member.standing for member in members if member.standing is not None]
    durable = [standing for standing in found if standing.is_durable]
    return (yield from _noted(members[-1], partial(committed, durable))) if durable else None


def _write(txn: BaseTransaction) -> Steps:
    """Write the record, and what others have to write at the commit."""
    calls: list[Callable[[], Any]] = list(txn.at_commit)
    if txn.store is not None:
        calls.append(txn.write_record)
    for call in calls:
        error = yield CallStep(call)
        if error is not None:
            say(txn, run_logs.ERROR, "The record of the transaction could not be written", error)
            return error
    return None


def _undo(members: list[BaseTransaction]) -> Steps:
    """Run the rollback hooks of all; one that fails does not stop the others."""
    fatal: BaseException | None = None
    failed: list[str] = []
    for member in reversed(members):
        fatal = (yield from _undo_one(member, failed)) or fatal
    for member in members:
        member.is_undone = not failed
    yield from _ended(members)
    return fatal


def _undo_one(txn: BaseTransaction, all_failed: list[str]) -> Steps:
    """Run the rollback hooks of one, name those that fail; return what must be raised."""
    fatal: BaseException | None = None
    failed: list[str] = []
    standing = txn.standing
    is_durable = standing is not None and standing.is_durable
    if standing is not None and is_durable and txn.on_rollback_hooks:
        fatal = yield from _noted(txn, standing.rolling_back)
    for hook in reversed(txn.on_rollback_hooks):
        error = yield HookStep(txn, hook, "rollback")
        if error is not None:
            failed.append(function_name(hook))
            fatal = fatal if isinstance(error, Exception) else error
    txn.state = TransactionState.ROLLED_BACK
    all_failed += failed
    if standing is not None and is_durable:
        fatal = (yield from _noted(txn, partial(standing.rolled_back, failed))) or fatal
    elif standing is not None:
        standing.rolled_back(failed)
    return fatal


def _noted(txn: BaseTransaction, call: Callable[[], object]) -> Steps:
    """Record on disk how far the end of a durable step is; return the error to raise."""
    error = yield CallStep(call)
    if error is not None:
        say(txn, run_logs.ERROR, "How the transaction ends could not be recorded", error)
    return error


def _ended(members: list[BaseTransaction]) -> Steps:
    """Let go of locks, and end what was handed over too late as its transaction has ended."""
    late: list[BaseTransaction] = []
    with tree:
        for member in members:
            member.is_closing = False
            late += member.late
            member.late = []
    for member in members:
        yield from _unlock(member)
    error: BaseException | None = None
    for child in late:
        end = committing if members[-1].is_committed() else rolling_back
        error = (yield from end(child)) or error
    return error


def _unlock(txn: BaseTransaction) -> Steps:
    calls, txn.at_end = txn.at_end, []
    for call in calls:
        yield CallStep(call)
    if txn.is_locked:
        error = yield CallStep(txn.unlock)
        if error is not None:
            say(txn, run_logs.ERROR, f"The lock on {txn.key!r} could not be released", error)
    return None


def say(txn: BaseTransaction, level: int, message: str, error: BaseException | None = None) -> None:
    """Log a line: with the transaction's logger, or else under the run that it belongs to."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    if txn.logger is not None:
        txn.logger.log(level, message, exc_info=exc_info)
    elif txn.run is not None:
        run_logs.say(txn.run, level, message, exc_info)
    else:
        import logging

        run_logs.setup()
        logging.getLogger("legato.transactions").log(level, message, exc_info=exc_info)
