"""Locks in Redis, for processes on several machines."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from legato._sdk.exceptions import StorageError
from legato._sdk.locking import AskingLocks

PREFIX = "lock:"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
# One step in the server: a lock that has expired meanwhile may be another's by now.
_RELEASE = """
if redis.call("get", KEYS[1]) == ARGV[1] then
    return redis.call("del", KEYS[1])
end
return 0
"""


class RedisLockManager(AskingLocks):
    """Locks kept by a Redis server; needs the extra `redis`.

    Give a `hold_timeout` where holders may die: without one, the lock of a dead holder stays. What
    `connection_url` says (`redis://`, `rediss://`, `unix://`) goes before the other parameters.

        from legato.cache_policies import INPUTS
        from legato.locking.redis import RedisLockManager

        policy = INPUTS.configure(lock_manager=RedisLockManager(host="redis.example"))
    """

    def __init__(  # noqa: PLR0913, PLR0917 - Prefect's parameters
        self,
        host: str = "localhost",
        port: int = 6379,
        db: int = 0,
        username: str | None = None,
        password: str | None = None,
        ssl: bool = False,
        connection_url: str | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.db = db
        self.username = username
        self.password = password
        self.ssl = ssl
        self.connection_url = connection_url
        self._connected: Any = None

    def __repr__(self) -> str:
        where = "of its URL" if self.connection_url else f"{self.host}:{self.port}/{self.db}"
        return f"RedisLockManager({where})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_connected": None}

    def is_locked(self, key: str) -> bool:
        """Tell whether anybody holds the lock."""
        return self._holder(key) is not None

    def _take(self, key: str, holder: str, hold_timeout: float | None) -> bool:
        expiry = None if hold_timeout is None else max(1, round(hold_timeout * 1000))
        if self._ask("set", PREFIX + key, holder, nx=True, px=expiry):
            return True
        return self._holder(key) == holder

    def _drop(self, key: str, holder: str) -> bool:
        return bool(self._ask("eval", _RELEASE, 1, PREFIX + key, holder))

    def _holder(self, key: str) -> str | None:
        found: bytes | None = self._ask("get", PREFIX + key)
        return None if found is None else found.decode()

    def _ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        client = self._client()
        errors: Any = import_module("redis.exceptions")
        try:
            return getattr(client, command)(*arguments, **options)
        except errors.RedisError as error:
            raise StorageError(
                f"Redis at {self._where()} could not be used for a lock: {error}. Check host, "
                "port, user and password of the RedisLockManager."
            ) from None

    def _where(self) -> str:
        if self.connection_url is None:
            return f"{self.host}:{self.port}"
        return self.connection_url.rpartition("@")[2].rpartition("://")[2]

    def _client(self) -> Any:
        if self._connected is None:
            try:
                library: Any = import_module("redis")
            except ImportError:
                raise StorageError(
                    "RedisLockManager needs the package redis: pip install 'legato[redis]'"
                ) from None
            timeouts = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": ANSWER_SECONDS}
            if self.connection_url is not None:
                self._connected = library.Redis.from_url(self.connection_url, **timeouts)
            else:
                self._connected = library.Redis(
                    host=self.host,
                    port=self.port,
                    db=self.db,
                    username=self.username,
                    password=self.password,
                    ssl=self.ssl,
                    **timeouts,
                )
        return self._connected
