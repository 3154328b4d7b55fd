"""Keys among the processes of one home: locks of the kernel on bytes of a file.

The byte at the place of a key is locked by who makes its result, and goes with its process; the one
behind it is locked while that one waits for another key itself.
"""

from __future__ import annotations

import os
import sys
import time
from hashlib import blake2b

from legato._sdk import turns

if sys.platform == "win32":
    from legato._backend import platform_windows as platform
else:
    from legato._backend import platform_posix as platform

MARK_TRIES = 1000
_files: dict[str, int | None] = {}


class ByteOfKey:
    """A key of the cache of one home; taken by at most one run of a process at a time."""

    def __init__(self, path: str, key: str) -> None:
        self._file = _opened(path)
        self._at = _byte_of(key)
        self._is_locked = False

    def take(self, *, refresh: bool = False) -> bool:
        """Take the key among all processes; False: another one has it."""
        with turns.guard():
            self._is_locked = self._file is None or platform.take_byte(self._file, self._at)
            return self._is_locked

    def is_other_waiting(self) -> bool:
        """Tell whether who holds the key in another process waits for one itself."""
        if self._file is None:
            return False
        with turns.guard():
            if not platform.take_byte(self._file, self._at + 1):
                return True
            platform.free_byte(self._file, self._at + 1)
            return False

    def mark(self) -> None:
        """Be seen to wait, by other processes too; they look for a moment each."""
        if self._file is not None and self._is_locked:
            for _ in range(MARK_TRIES):
                if platform.take_byte(self._file, self._at + 1):
                    break
                time.sleep(0.0001)

    def unmark(self) -> None:
        """Be seen to go on."""
        if self._file is not None and self._is_locked:
            platform.free_byte(self._file, self._at + 1)

    def free(self) -> None:
        """Let other processes have the key."""
        with turns.guard():
            if self._file is not None and self._is_locked:
                platform.free_byte(self._file, self._at)

    def land(self) -> None:
        """Let other processes have the key, as they can see its result."""
        self.free()

    def close(self) -> None:
        """Wait for the key no longer."""


def _byte_of(key: str) -> int:
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return int.from_bytes(digest) * 2


def _opened(path: str) -> int | None:
    """Open the file of locks, once: closing it would let go of all; None: that cannot be."""
    if path not in _files:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        try:
            _files[path] = os.open(path, flags, 0o644)
        except OSError:
            _files[path] = None
    return _files[path]
