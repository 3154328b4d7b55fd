"""Locks in Redis, for processes on several machines; needs the extra `redis`."""

from legato._sdk.locking_redis import RedisLockManager

__all__ = ["RedisLockManager"]
