"""Locks between processes, and what kind of file system a path lies on."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

# f_type of statfs(2) is not in the standard library; the mount table names the same thing.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "drvfs", "afs", "ceph", "fuse.sshfs", "lustre"}
)


class KernelLock:
    """An exclusive record lock on a file, held by the process and released by any death of it.

    Closing *any* descriptor of the file drops the lock of the whole process, so there is one
    descriptor, kept as long as the process lives; a mutex keeps the threads apart. A forked child
    has no lock but may use the inherited descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._mutex = threading.Lock()

    @contextmanager
    def held(self) -> Generator[None]:
        """Wait, outside the GIL, until no other thread or process holds the lock; then hold it.

        A generator: when an exception comes in just before or after the block, it is finished
        too, and neither lock is left behind.
        """
        with self._mutex:
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX)
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)

    @contextmanager
    def tried(self) -> Generator[bool]:
        """Hold the lock if nobody else does; tell whether it was had."""
        if not self._mutex.acquire(blocking=False):
            yield False
            return
        try:
            yield self._is_had()
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)
            self._mutex.release()

    def _is_had(self) -> bool:
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give up the descriptor, and the lock with it."""
        with self._mutex:
            os.close(self._fd)
            self._fd = -1

    def forget(self) -> None:
        """In a forked child: the thread that held the mutex does not exist here."""
        self._mutex = threading.Lock()


_LOCKS: dict[str, KernelLock] = {}
_making = threading.Lock()


def kernel_lock(path: Path) -> KernelLock:
    """Return the process's one lock on this file."""
    name = os.path.realpath(path)
    with _making:
        lock = _LOCKS.get(name)
        if lock is None:
            lock = _LOCKS[name] = KernelLock(Path(name))
    return lock


def let_go(path: Path) -> None:
    """Give up the process's lock on this file: nobody here uses the file any more."""
    with _making:
        lock = _LOCKS.pop(os.path.realpath(path), None)
    if lock is not None:
        lock.close()


def is_network_path(path: Path) -> bool:
    """Tell whether a directory lies on a file system where SQLite's WAL does not work."""
    return _file_system(os.path.realpath(path)) in NETWORK_FILE_SYSTEMS


def _file_system(path: str) -> str:
    best, kind = "", ""
    try:
        with open("/proc/mounts", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                _, point, fs, *_ = line.split(" ")
                point = point.replace("\\040", " ")
                inside = path == point or path.startswith(point.rstrip("/") + "/")
                if inside and len(point) >= len(best):
                    best, kind = point, fs
    except OSError:
        return ""
    return kind
