"""Locks among processes that share a folder."""

from legato._sdk.locking_files import FileSystemLockManager

__all__ = ["FileSystemLockManager"]
