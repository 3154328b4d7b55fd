"""Locks in a folder that processes share.

A lock is a file with its holder in it. Every look at it and every change is made under a lock of
the kernel on that same file, for a moment, so two never change it at once. It also says which
process took it: when that process of this machine has died, the lock is free. A lock taken on
another machine, or in another container, is freed by its holder or by its `hold_timeout` only.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec

from legato._sdk.locking import AskingLocks
from legato._sdk.storage_errors import told

if sys.platform == "win32":
    from legato._backend import platform_windows as platform
else:
    from legato._backend import platform_posix as platform

LONGEST_NAME = 200  # characters; longer keys become their checksum


class _Held(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the file of a lock says while it is held."""

    key: str
    holder: str
    expires_at: float | None = None  # seconds since 1970: other processes have other clocks
    pid: int
    pid_start: int | None = None
    host: str
    pid_namespace: str | None = None

    def is_over(self) -> bool:
        """Tell whether its time has passed or its process has died."""
        if self.expires_at is not None and self.expires_at <= time.time():
            return True
        here = (platform.host(), platform.pid_namespace())
        if (self.host, self.pid_namespace) != here or self.pid_start is None:
            return False
        return platform.process_start(self.pid) != self.pid_start


class FileSystemLockManager(AskingLocks):
    """Locks among processes that share a folder.

    >>> from tempfile import mkdtemp
    >>> from legato.locking.filesystem import FileSystemLockManager
    >>> folder = mkdtemp()
    >>> locks = FileSystemLockManager(lock_files_directory=folder)
    >>> locks.acquire_lock("key", "me", hold_timeout=60)
    True
    >>> FileSystemLockManager(folder).acquire_lock("key", "you", acquire_timeout=0)
    False
    >>> locks.release_lock("key", "me")
    """

    def __init__(self, lock_files_directory: str | os.PathLike[str]) -> None:
        self.lock_files_directory: Path = Path(
            os.path.abspath(Path(lock_files_directory).expanduser())
        )

    def is_locked(self, key: str, use_cache: bool = False) -> bool:
        """Tell whether anybody holds the lock; the file is looked at each time."""
        return self._holder(key) is not None

    def _take(self, key: str, holder: str, hold_timeout: float | None) -> bool:
        with self._opened(key) as file:
            held = _read(file)
            if held is not None:
                return held.holder == holder
            pid = os.getpid()
            taken = _Held(
                key=key,
                holder=holder,
                expires_at=None if hold_timeout is None else time.time() + hold_timeout,
                pid=pid,
                pid_start=platform.process_start(pid),
                host=platform.host(),
                pid_namespace=platform.pid_namespace(),
            )
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, msgspec.json.encode(taken))
            return True

    def _drop(self, key: str, holder: str) -> bool:
        with self._opened(key) as file:
            held = _read(file)
            if held is None or held.holder != holder:
                return False
            # The file stays: removing it would take the kernel's lock away from who waits for it.
            os.ftruncate(file, 0)
            return True

    def _holder(self, key: str) -> str | None:
        if not self._path(key).exists():
            return None
        with self._opened(key) as file:
            held = _read(file)
            return None if held is None else held.holder

    def _path(self, key: str) -> Path:
        name = quote(key, safe="")
        if len(name) > LONGEST_NAME or name.startswith("."):
            from hashlib import sha256

            name = sha256(key.encode()).hexdigest()
        return self.lock_files_directory / f"{name}.lock"

    @contextmanager
    def _opened(self, key: str) -> Generator[int]:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise told(error, "locked", str(path)) from None
        try:
            platform.lock_for_a_moment(file)
            yield file
        finally:
            os.close(file)


def _read(file: int) -> _Held | None:
    """Return who holds the lock; None: nobody, or one who died while writing, or is gone."""
    os.lseek(file, 0, os.SEEK_SET)
    try:
        held = msgspec.json.decode(os.read(file, 65_536), type=_Held)
    except msgspec.MsgspecError:
        return None
    return None if held.is_over() else held
