"""What a lock manager must do."""

from legato._sdk.locking import LockManager

__all__ = ["LockManager"]
