"""Locks among the threads and coroutines of a process."""

from legato._sdk.locking_memory import MemoryLockManager

__all__ = ["MemoryLockManager"]
