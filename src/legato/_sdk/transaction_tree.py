"""Transactions as a tree: values, hooks, and what is staged where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from enum import Enum
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from legato._sdk.context import TaskRunContext, current, transacting
from legato._sdk.exceptions import ConfigurationError, NotStored
from legato._sdk.isolation import IsolationLevel
from legato._sdk.result_records import ResultRecord

if TYPE_CHECKING:
    import logging
    from typing import Self

    from legato._sdk.context import RunContext
    from legato._sdk.futures import Future
    from legato._sdk.transaction_standing import Standing

Hook = Callable[[Any], Any]
_NOT_GIVEN: Any = object()
tree = Lock()
"""Held for moments, when the tree of transactions grows or ends: no code of users runs under it."""


class CommitMode(str, Enum):
    """When a transaction commits.

    `LAZY`: when the outermost one ends. `EAGER`: when it ends itself. `OFF`: when `commit` is
    called; if it never is, the transaction is rolled back.
    """

    EAGER = "EAGER"
    LAZY = "LAZY"
    OFF = "OFF"


class TransactionState(str, Enum):
    """Where a transaction stands."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    STAGED = "STAGED"
    COMMITTED = "COMMITTED"
    ROLLED_BACK = "ROLLED_BACK"


_ENDS = (TransactionState.COMMITTED, TransactionState.ROLLED_BACK)


class Store(Protocol):
    """Where records of transactions are kept, by key."""

    def exists(self, key: str) -> bool:
        """Tell whether there is a record."""
        ...

    def read(self, key: str) -> Any:
        """Return the record."""
        ...

    def write(self, *, key: str, obj: Any) -> Any:
        """Keep a record."""
        ...


class BaseTransaction:
    """What sync and async transactions have in common; `key` names its record in `store`."""

    is_doomed: bool = False
    """Whether it is to be rolled back when it ends, for what failed in another thread."""
    is_undone: bool = False
    """Whether it is rolled back and no hook failed."""
    is_locked: bool = False
    is_closing: bool = False

    def __init__(  # noqa: PLR0913 - Prefect's parameters
        self,
        *,
        store: Any = None,
        key: str | None = None,
        children: Iterable[BaseTransaction] = (),
        commit_mode: CommitMode | None = None,
        isolation_level: IsolationLevel | None = IsolationLevel.READ_COMMITTED,
        state: TransactionState = TransactionState.PENDING,
        on_commit_hooks: Iterable[Hook] = (),
        on_rollback_hooks: Iterable[Hook] = (),
        overwrite: bool = False,
        logger: logging.Logger | logging.LoggerAdapter[Any] | None = None,
        write_on_commit: bool = True,
    ) -> None:
        self.store: Any = store
        self.key: str | None = key
        self.children: list[BaseTransaction] = list(children)
        self.commit_mode: CommitMode | None = commit_mode
        self.isolation_level: IsolationLevel | None = isolation_level
        self.state: TransactionState = state
        self.on_commit_hooks: list[Hook] = list(on_commit_hooks)
        self.on_rollback_hooks: list[Hook] = list(on_rollback_hooks)
        self.overwrite: bool = overwrite
        self.write_on_commit: bool = write_on_commit
        self.logger: logging.Logger | logging.LoggerAdapter[Any] | None = logger
        self.run: RunContext | None = None
        """The run in which the block was opened, or the task run that this is."""
        self.holder: str = uuid4().hex if key is not None else ""
        """By what name it holds the lock on its key."""
        self.at_commit: list[Callable[[], object]] = []
        self.at_end: list[Callable[[], object]] = []
        self.standing: Standing | None = None
        """Records how this ends, if it is a task run that has completed."""
        self.values: dict[str, Any] = {}
        """What was set here, by name."""
        self._staged_value: Any = None
        self._parent: BaseTransaction | None = None
        self._token: Any = None
        self.thread_id: int = get_ident()
        self.late: list[BaseTransaction] = []
        self.futures: list[Future[Any]] = []

    def set(self, name: str, value: Any) -> None:
        """Leave a value for hooks and for transactions inside."""
        self.values[name] = value

    def get(self, name: str, default: Any = _NOT_GIVEN) -> Any:
        """Return a copy of a value that was set here or in a transaction around this one.

        Raises ValueError if there is none and no default.
        """
        txn: BaseTransaction | None = self
        while txn is not None:
            if name in txn.values:
                return deepcopy(txn.values[name])
            txn = txn.get_parent()
        if default is _NOT_GIVEN:
            raise ValueError(
                f"The transaction has no value {name!r}: call txn.set({name!r}, ...) first, or "
                f"give a default, txn.get({name!r}, None)."
            )
        return default

    def is_committed(self) -> bool:
        """Whether it is committed; at the begin, whether there is a record under the key."""
        return self.state is TransactionState.COMMITTED

    def is_rolled_back(self) -> bool:
        """Whether it is rolled back."""
        return self.state is TransactionState.ROLLED_BACK

    def is_staged(self) -> bool:
        """Whether it waits for its commit."""
        return self.state is TransactionState.STAGED

    def is_pending(self) -> bool:
        """Whether it has not begun."""
        return self.state is TransactionState.PENDING

    def is_active(self) -> bool:
        """Whether it has begun and nothing was staged."""
        return self.state is TransactionState.ACTIVE

    @property
    def has_ended(self) -> bool:
        """Whether it is committed or rolled back."""
        return self.state in _ENDS

    def get_parent(self) -> BaseTransaction | None:
        """Return the transaction around this one."""
        return self._parent

    @classmethod
    def get_active(cls) -> BaseTransaction | None:
        """Return the transaction that the current code is in, or None."""
        from legato._sdk.transactions import get_transaction

        return get_transaction()

    def stage(
        self,
        value: Any,
        on_rollback_hooks: Iterable[Hook] | None = None,
        on_commit_hooks: Iterable[Hook] | None = None,
    ) -> None:
        """Hand over the value to be recorded at the commit, and hooks; has no effect afterwards."""
        if self.state is not TransactionState.COMMITTED:
            self._staged_value = value
            self.on_rollback_hooks += on_rollback_hooks or ()
            self.on_commit_hooks += on_commit_hooks or ()
            self.state = TransactionState.STAGED

    def add_child(self, transaction: BaseTransaction) -> None:
        """Take responsibility for a transaction: it is committed or rolled back with this one."""
        self.children.append(transaction)

    def prepare_transaction(self) -> None:
        """Find the transaction around, and take from it what was not given."""
        from legato._sdk.transactions import transaction_around

        self.run = run = current.get()
        flow = run.flow_run_context if isinstance(run, TaskRunContext) else run
        if flow is not None and flow.backend.is_dry:
            self.store = None
        parent = self._parent = transaction_around(self.run)
        if self.commit_mode is None:
            self.commit_mode = (parent and parent.commit_mode) or CommitMode.LAZY
        if self.isolation_level is None:
            level = parent and parent.isolation_level
            self.isolation_level = level or IsolationLevel.READ_COMMITTED
        self.thread_id = get_ident()
        self.state = TransactionState.ACTIVE

    def within(self, parent: BaseTransaction | None, run: RunContext) -> Self:
        """Become the transaction of a task run, inside of another one or of none."""
        self.inside(parent, run)
        self.state = TransactionState.ACTIVE
        return self

    def inside(self, parent: BaseTransaction | None, run: RunContext) -> None:
        """Stand in the tree below `parent`, for `run` or for a block in it."""
        self.run, self._parent = run, parent
        self.commit_mode = (parent and parent.commit_mode) or CommitMode.LAZY

    def successor(self, run: RunContext) -> Self:
        """Return another one for a task run that goes on, with the values of this one."""
        found = type(self)().within(self._parent, run)
        found.values = self.values
        return found

    def opened(self) -> None:
        """Be the transaction of the code that follows."""
        self._token = transacting.set(self)

    def closed(self) -> None:
        """Be no longer that of the code that follows."""
        if self._token is None:
            return
        try:
            transacting.reset(self._token)
        except ValueError:  # the generator that opened it is closed in another context
            transacting.set(None)
        self._token = None

    def expect(self, future: Future[Any]) -> None:
        """Wait for a submitted task run before this ends."""
        self.futures.append(future)

    def members(self) -> Iterator[BaseTransaction]:
        """Yield what is open, in the order of a commit."""
        for child in self.children:
            if not (child.has_ended or child.is_closing):
                yield from child.members()
        yield self

    def close(self) -> list[BaseTransaction]:
        """Return what ends with this one; nobody else may end it from now on."""
        with tree:
            if self.has_ended or self.is_closing:
                return []
            members = list(self.members())
            for member in members:
                member.is_closing = True
            return members

    def take(self, child: BaseTransaction) -> TransactionState | None:
        """Take a child that is staged; or return how it is to end, as this one has ended."""
        with tree:
            if self.is_closing:
                self.late.append(child)
            elif self.has_ended:
                return self.state
            else:
                self.children.append(child)
            return None

    def is_busy(self) -> bool:
        """Tell whether it cannot be rolled back now: its code, or what it submitted, is at work."""
        at_work = any(not future.done for future in self.futures)
        return at_work or self.thread_id != get_ident()

    def check(self) -> None:
        """Raise ConfigurationError if the store cannot keep transactions apart as asked."""
        if self.key is None or self.isolation_level is not IsolationLevel.SERIALIZABLE:
            return
        supports = getattr(self.store, "supports_isolation_level", None)
        if supports is None:
            fits = hasattr(self.store, "acquire_lock")
        else:
            fits = supports(self.isolation_level)
        if not fits:
            raise ConfigurationError(
                "Isolation level SERIALIZABLE is not supported by provided configuration: the "
                f"transaction on key {self.key!r} needs a lock. Give it a store with a lock "
                "manager, such as ResultStore(lock_manager=MemoryLockManager())."
            )

    def lock(self) -> None:
        """Take the lock on the key, if it is to be had by one at a time."""
        serializable = self.isolation_level is IsolationLevel.SERIALIZABLE
        if serializable and self.store is not None and self.key is not None:
            self.store.acquire_lock(self.key, holder=self.holder)
            self.is_locked = True

    def unlock(self) -> None:
        """Give the lock on the key back."""
        self.is_locked = False
        self.store.release_lock(self.key, holder=self.holder)

    def look(self) -> None:
        """Be committed if there is a record under the key."""
        if self.store is None or self.key is None or self.overwrite:
            return
        if self.store.exists(key=self.key):
            self.state = TransactionState.COMMITTED

    def read_record(self) -> Any:
        """Return the record under the key, or None."""
        if self.store is None or self.key is None:
            return None
        held = {"holder": self.holder} if self.is_locked else {}
        try:
            return self.store.read(key=self.key, **held)
        except NotStored:
            return None

    def write_record(self) -> None:
        """Write the staged value under the key, if there is one and it is to be written."""
        if self.key is None or not self.write_on_commit:
            return
        held = {"holder": self.holder} if self.is_locked else {}
        value = self._staged_value
        if isinstance(value, ResultRecord) and hasattr(self.store, "persist_result_record"):
            self.store.persist_result_record(value.under(self.key), **held)
        else:
            self.store.write(key=self.key, obj=value, **held)
