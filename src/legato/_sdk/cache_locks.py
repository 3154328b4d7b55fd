"""Locks on cache keys that a policy asks for: isolation level and lock manager."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from legato._model.states import StateType
from legato._sdk import run_logs, turns
from legato._sdk.exceptions import ConfigurationError, StorageError
from legato._sdk.isolation import IsolationLevel
from legato._sdk.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Generator

    from legato._backend.port import Backend
    from legato._sdk.cache_policies import CachePolicy
    from legato._sdk.locking import LockManager
    from legato._sdk.task_execution import TaskExecution


class Locked(Turn):
    """The turn of who holds the lock on a key."""

    def __init__(self, manager: LockManager, key: str, run: TaskExecution) -> None:
        super().__init__((id(manager), key), run.context.id)
        self.manager, self.key, self.holder = manager, key, run.context.id.hex
        self._context = run.context

    def wait(self) -> object:
        """Take the lock; wait on this thread."""
        return self.manager.acquire_lock(self.key, self.holder)

    def await_(self) -> Awaitable[object]:
        """Take the lock; wait on the running loop."""
        return self.manager.aacquire_lock(self.key, self.holder)

    def end(self) -> None:
        """Give the lock back."""
        super().end()
        try:
            self.manager.release_lock(self.key, self.holder)
        except (ValueError, StorageError) as error:
            message = f"The lock on a cache key could not be released: {error}"
            run_logs.say(self._context, run_logs.WARNING, message)

    def end_with(self, run: TaskExecution) -> None:
        """Give the lock back, at the end of the transaction that the result waits for."""
        run.turn, txn, draft = None, run.context.transaction, run.draft
        if draft.type is not StateType.COMPLETED:
            self.end()
        elif txn is None or _is_elsewhere(run):
            self._end_stored(run.backend)
        else:
            txn.at_end.append(lambda: self._end_stored(run.backend))

    def _end_stored(self, backend: Backend) -> None:
        """Give the lock back; who has it next sees what was entered."""
        backend.journal.flush()
        self.end()


def _is_elsewhere(run: TaskExecution) -> bool:
    """Tell whether the run is in a worker, where transactions do not end."""
    from legato._sdk.pipe import PipeBackend

    return isinstance(run.backend, PipeBackend)


def take(run: TaskExecution, key: str, policy: CachePolicy) -> Generator[Locked, None, None]:
    """Take the lock on a key if the isolation level is SERIALIZABLE.

    Raises ConfigurationError if there is nobody to ask for it.
    """
    if policy.isolation_level is not IsolationLevel.SERIALIZABLE:
        return
    manager: Any = policy.lock_manager
    if manager is None:
        raise ConfigurationError(
            "Isolation level SERIALIZABLE is not supported by provided configuration: the cache "
            f"policy of task {run.task.name!r} needs a lock manager, such as "
            "policy.configure(lock_manager=MemoryLockManager())."
        )
    turn = Locked(manager, key, run)
    if any(other.name == turn.name for other in turns.around(run.context)):
        return  # called by who has it
    yield turn
    with turns.guard():
        turns.note(turn)
    run.turn = turn
