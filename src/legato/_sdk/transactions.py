"""Transactions, sync and async: the blocks, and which one the current code is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from legato._model.states import TERMINAL, StateType
from legato._sdk.context import RunContext, TaskRunContext, current, transacting
from legato._sdk.isolation import IsolationLevel
from legato._sdk.transaction_ends import (
    HookStep,
    Step,
    Steps,
    committing,
    leaving,
    rolling_back,
)
from legato._sdk.transaction_steps import HookScope, aperform, in_thread, perform, raise_fatal
from legato._sdk.transaction_tree import (
    BaseTransaction,
    CommitMode,
    Hook,
    TransactionState,
    tree,
)

if TYPE_CHECKING:
    import logging
    from types import TracebackType
    from typing import Self


class Transaction(BaseTransaction):
    """A group of task runs that is committed as a whole, or rolled back.

    Made and entered by `transaction()`; every task run is one, too.
    """

    def __enter__(self) -> Self:
        self.prepare_transaction()
        self.check()
        self.begin()
        self.opened()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            found = perform(leaving(self, error))
        finally:
            self.reset()
        if found is not None and found is not error:
            raise found

    def begin(self) -> None:
        """Take the lock, if the isolation level asks for it, and look for a record."""
        self.lock()
        self.look()

    def read(self) -> Any:
        """Return the record under the key, or None if there is none."""
        return self.read_record()

    def commit(self) -> bool:
        """Commit now; return whether that was done. If a hook fails, all is rolled back."""
        was_open = not self.has_ended
        raise_fatal(perform(committing(self)))
        return was_open and self.is_committed()

    def rollback(self) -> bool:
        """Roll back now; return whether that was done and no hook failed."""
        was_open = not self.has_ended
        raise_fatal(perform(rolling_back(self)))
        return was_open and self.is_undone

    def reset(self) -> None:
        """Be no longer the transaction of the code that follows."""
        self.closed()

    def run_hook(self, hook: Hook, hook_type: str) -> None:
        """Call a hook with this transaction; raise what it raises."""
        error = perform(_one(HookStep(self, hook, hook_type)))
        if error is not None:
            raise error


class AsyncTransaction(BaseTransaction):
    """A transaction of async code: `atransaction()` makes one; its hooks may be async."""

    async def __aenter__(self) -> Self:
        self.prepare_transaction()
        self.check()
        await self.begin()
        self.opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            found = await aperform(leaving(self, error))
        finally:
            await self.reset()
        if found is not None and found is not error:
            raise found

    async def begin(self) -> None:
        """Take the lock, if the isolation level asks for it, and look for a record."""
        if self.store is not None and self.key is not None:
            await self._alock()
            await in_thread(self.look)

    async def _alock(self) -> None:
        acquire = getattr(self.store, "aacquire_lock", None)
        if acquire is None:
            await in_thread(self.lock)
        elif self.isolation_level is IsolationLevel.SERIALIZABLE:
            await acquire(self.key, holder=self.holder)
            self.is_locked = True

    async def read(self) -> Any:
        """Return the record under the key, or None if there is none."""
        return await in_thread(self.read_record)

    async def commit(self) -> bool:
        """Commit now; return whether that was done. If a hook fails, all is rolled back."""
        was_open = not self.has_ended
        raise_fatal(await aperform(committing(self)))
        return was_open and self.is_committed()

    async def rollback(self) -> bool:
        """Roll back now; return whether that was done and no hook failed."""
        was_open = not self.has_ended
        raise_fatal(await aperform(rolling_back(self)))
        return was_open and self.is_undone

    async def reset(self) -> None:
        """Be no longer the transaction of the code that follows."""
        self.closed()

    async def run_hook(self, hook: Hook, hook_type: str) -> None:
        """Call a hook with this transaction; raise what it raises."""
        error = await aperform(_one(HookStep(self, hook, hook_type)))
        if error is not None:
            raise error


def transaction(  # noqa: PLR0913, PLR0917 - Prefect's parameters
    key: str | None = None,
    store: Any = None,
    commit_mode: CommitMode | None = None,
    isolation_level: IsolationLevel | None = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: logging.Logger | logging.LoggerAdapter[Any] | None = None,
) -> Transaction:
    """Open a block whose task runs are committed together, or rolled back together.

    An exception that leaves the block, or a task in it that fails, rolls back: the `on_rollback`
    hooks of the tasks that completed run in reverse order. Else `on_commit` hooks run at its end.
    With a `key`, `is_committed()` tells at the begin whether an earlier one has left a record: in
    `store`, or else where the results of the run are stored.

    >>> from legato import flow, task
    >>> from legato.transactions import transaction
    >>> @task
    ... def reserve() -> None:
    ...     print("reserved")
    >>> @reserve.on_rollback
    ... def release(txn) -> None:
    ...     print("released")
    >>> @flow
    ... def order() -> None:
    ...     with transaction():
    ...         reserve()
    ...         raise ValueError("the payment failed")
    >>> order(return_state=True).is_failed()
    reserved
    released
    True
    """
    return Transaction(
        key=key,
        store=_store_for(key, store),
        commit_mode=commit_mode,
        isolation_level=isolation_level,
        overwrite=overwrite,
        write_on_commit=write_on_commit,
        logger=logger,
    )


def atransaction(  # noqa: PLR0913, PLR0917 - Prefect's parameters
    key: str | None = None,
    store: Any = None,
    commit_mode: CommitMode | None = None,
    isolation_level: IsolationLevel | None = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: logging.Logger | logging.LoggerAdapter[Any] | None = None,
) -> AsyncTransaction:
    """Do as `transaction` in async code: hooks may be coroutine functions, and are awaited.

    >>> import asyncio
    >>> from legato.transactions import atransaction
    >>> async def main() -> bool:
    ...     async with atransaction() as txn:
    ...         txn.set("path", "a.csv")
    ...     return txn.is_committed()
    >>> asyncio.run(main())
    True
    """
    return AsyncTransaction(
        key=key,
        store=_store_for(key, store),
        commit_mode=commit_mode,
        isolation_level=isolation_level,
        overwrite=overwrite,
        write_on_commit=write_on_commit,
        logger=logger,
    )


def _store_for(key: str | None, given: Any) -> Any:
    """Return where the record of a transaction lies: by default where the run's results lie."""
    if given is not None or key is None:
        return given
    from legato._sdk.result_defaults import get_result_store

    return get_result_store()


def get_transaction() -> BaseTransaction | None:
    """Return the transaction that the current code is in: a block's, or that of its task run.

    >>> from legato.transactions import transaction
    >>> get_transaction() is None
    True
    >>> with transaction() as txn:
    ...     get_transaction() is txn
    True
    """
    run, scope = current.get(), transacting.get()
    if isinstance(scope, HookScope) and scope.run is run:
        return scope.txn
    return transaction_around(run)


def transaction_around(run: RunContext | None, make: bool = True) -> BaseTransaction | None:
    """Return the transaction around what is called in a run: a block in it, itself, or one outside.

    A task run becomes a transaction when one is needed; without `make` it need not be one.
    """
    scope = transacting.get()
    while True:
        if scope is not None and scope.run is run:
            return scope if isinstance(scope, BaseTransaction) else None
        if run is None:
            return None
        if isinstance(run, TaskRunContext):
            if run.transaction is not None or not make:
                return run.transaction
            state = run.state
            if state is None or state.type not in TERMINAL:
                return transaction_of(run)
            if state.type is not StateType.COMPLETED:
                return Transaction(state=TransactionState.ROLLED_BACK)
        run = run.outer


def transaction_of(run: TaskRunContext) -> BaseTransaction:
    """Return the transaction that a task run is."""
    if run.transaction is not None:
        return run.transaction
    parent = transaction_around(run.outer)
    kind = AsyncTransaction if run.task.isasync else Transaction
    made = kind().within(parent, run)
    with tree:
        return run.become(made)


def when_committed(run: TaskRunContext, fn: Callable[[], object]) -> None:
    """Call `fn` when what the task run does is committed, and never if that is rolled back.

    That is now, if no transaction is around the run. If `fn` raises, the transaction is rolled
    back.
    """
    if transaction_around(run.outer) is None:
        fn()
    else:
        transaction_of(run).at_commit.append(fn)


def _one(step: Step) -> Steps:
    return (yield step)
